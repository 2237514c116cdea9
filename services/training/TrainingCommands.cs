using System.CommandLine;
using Platform.Training.Synthesis;

namespace Platform.Training;

/// <summary>The command line: references, brain-structures, super-resolution.</summary>
public static class TrainingCommands
{
    private static readonly Option<DirectoryInfo> Labels = new("--labels")
    {
        Description =
            "Folder of 1 mm FreeSurfer label maps; default: brain-labels under PLATFORM_DATA",
        DefaultValueFactory = _ =>
            new(
                Path.Combine(
                    Environment.GetEnvironmentVariable("PLATFORM_DATA") ?? ".",
                    "brain-labels"
                )
            ),
    };

    private static readonly Option<DirectoryInfo?> Out = new("--out")
    {
        Description = "Folder to write to; default: under shared/",
    };

    /// <summary>The root command.</summary>
    public static RootCommand Create()
    {
        var root = new RootCommand(
            "Trains the platform's models from label maps, without patient images."
        );
        root.Add(References());
        return root;
    }

    private static Command References()
    {
        var command = new Command(
            "references",
            "Synthesise the default reference set for quality prediction."
        )
        {
            Labels,
            Out,
        };
        command.SetAction(parsed =>
            Guard(() =>
            {
                var recipe = RecipeFile.Read<ReferenceRecipe>(RecipePath("references"));
                var structures = RecipeFile.Read<Recipe>(RecipePath("brain-structures")).Structures;
                var folder =
                    parsed.GetValue(Out)?.FullName
                    ?? $"shared/references/{recipe.Name}/{recipe.Version}";
                ReferenceSetBuilder.Write(
                    recipe,
                    structures,
                    ReadLabels(parsed.GetValue(Labels)!),
                    folder
                );
                Log($"{recipe.Count} references in {folder}");
            })
        );
        return command;
    }

    private static LabelAtlas ReadLabels(DirectoryInfo folder)
    {
        var atlas = LabelFolder.Read(folder.FullName);
        Log($"{atlas.Maps.Count} label maps, {atlas.Values.Count} label values");
        foreach (var value in atlas.Unknown)
        {
            Log(
                $"label {value} is unknown: drawn with a random contrast, background in the target"
            );
        }
        return atlas;
    }

    private static string RecipePath(string name) =>
        Path.Combine(AppContext.BaseDirectory, "recipes", $"{name}.json");

    private static void Log(string message) =>
        Console.WriteLine($"{DateTime.Now:HH:mm:ss} {message}");

    /// <summary>Faults of the user's input are one line and exit code 1.</summary>
    private static int Guard(Action action)
    {
        try
        {
            action();
            return 0;
        }
        catch (Exception e)
            when (e
                    is InvalidDataException
                        or IOException
                        or UnauthorizedAccessException
                        or Imaging.VolumeException
            )
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }
}
