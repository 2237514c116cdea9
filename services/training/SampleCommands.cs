using System.CommandLine;
using System.Diagnostics;
using Platform.Training.Synthesis;

namespace Platform.Training;

/// <summary>Pictures of what a recipe trains on, and how fast it is made.</summary>
internal static class SampleCommands
{
    /// <summary>A command that draws a recipe's first samples.</summary>
    /// <param name="name">Of the command.</param>
    /// <param name="description">For its help.</param>
    /// <param name="options">What <paramref name="create"/> reads.</param>
    /// <param name="create">Makes a sample by its index, and its patches as training draws them.</param>
    public static Command Create(
        string name,
        string description,
        IEnumerable<Option> options,
        Func<
            ParseResult,
            (Func<long, SyntheticHead> Sample, Func<long, IEnumerable<Batch>> Draw)
        > create
    )
    {
        const int count = 8,
            columns = 2;
        var file = new Argument<FileInfo>("file") { Description = "The PNG to write" };
        var command = new Command(
            name,
            $"{description}, and say how many a second one thread makes."
        )
        {
            file,
        };
        foreach (var option in options)
        {
            command.Add(option);
        }
        command.SetAction(parsed =>
            TrainingCommands.Guard(() =>
            {
                var (sample, draw) = create(parsed);
                var samples = Enumerable.Range(0, count).Select(n => sample(n)).ToList();
                var (watch, patches) = (Stopwatch.StartNew(), 0);
                foreach (var patch in Enumerable.Range(0, count).SelectMany(n => draw(n)))
                {
                    patch.Dispose();
                    patches++;
                }
                TrainingCommands.Log(
                    $"{count / watch.Elapsed.TotalSeconds:f1} samples a second, {patches / watch.Elapsed.TotalSeconds:f1} patches"
                );
                using var stream = parsed.GetValue(file)!.Create();
                SamplePicture.Write(stream, samples, columns);
            })
        );
        return command;
    }

    /// <summary>The hearts of the cardiac recipe.</summary>
    public static Command Hearts() =>
        Create(
            "heart-samples",
            "Draw the first synthetic hearts of the cardiac recipe",
            [],
            _ =>
            {
                var recipe = RecipeFile.Read<Recipe>(
                    TrainingCommands.RecipePath("cardiac-structures")
                );
                var task = new StructureTask(recipe, HeartGenerator.Of(recipe));
                return (task.Sample, task.Draw);
            }
        );
}
