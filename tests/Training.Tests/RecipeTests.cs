using Platform.Testing;
using Platform.Training;

namespace Training.Tests;

public sealed class RecipeTests
{
    private static string Shipped(string name) =>
        Path.Combine(AppContext.BaseDirectory, "recipes", $"{name}.json");

    [Theory]
    [InlineData("brain-structures", "learningRate", "learningRat")]
    [InlineData("lesions", "tumourFraction", "tumorFraction")]
    [InlineData("lesions", "missingFraction", "missing")]
    [InlineData("adapt", "fullFrom", "fulFrom")]
    public void A_misspelt_key_is_refused_by_name(string recipe, string right, string wrong)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "recipe.json");
        File.WriteAllText(
            path,
            File.ReadAllText(Shipped(recipe))
                .Replace($"\"{right}\"", $"\"{wrong}\"", StringComparison.Ordinal)
        );
        var refusal = Assert.Throws<InvalidDataException>(() => RecipeFile.Read<Recipe>(path));
        Assert.Contains(wrong, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("brain-structures")]
    [InlineData("brain-structures-tuned")]
    [InlineData("super-resolution")]
    [InlineData("quality-regressor")]
    [InlineData("lesions")]
    [InlineData("adapt")]
    [InlineData("cardiac-structures")]
    [InlineData("cardiac-super-resolution")]
    public void A_shipped_recipe_is_read_and_its_output_values_differ(string name)
    {
        var recipe = RecipeFile.Read<Recipe>(Shipped(name));
        var values = ReferenceSetBuilder.Labels(recipe.Structures).Select(l => l.Value).ToList();
        Assert.Equal(values.Count, values.Distinct().Count());
        Assert.Equal(
            name.EndsWith("super-resolution", StringComparison.Ordinal),
            recipe.Slices is not null
        );
        Assert.Equal(
            name.StartsWith("cardiac", StringComparison.Ordinal),
            recipe.Heart is not null
        );
        Assert.Equal(name == "quality-regressor", recipe.Judges is not null);
        Assert.Equal(name == "lesions", recipe.Lesions is not null);
        Assert.Equal(name == "adapt", recipe.Adaptation is not null);
    }

    [Fact]
    public void A_held_out_map_that_does_not_exist_is_refused()
    {
        var recipe = HeadPhantom.Brain with
        {
            Optimisation = HeadPhantom.Brain.Optimisation with { HeldOutMaps = [5] },
        };
        Assert.Throws<InvalidDataException>(() => new StructureTask(recipe, HeadPhantom.Atlas()));
    }
}
