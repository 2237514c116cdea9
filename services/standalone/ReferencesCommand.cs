using System.CommandLine;
using Platform.Contracts;
using Platform.Inference;
using Platform.Qc;
using Spectre.Console;

namespace Platform.Standalone;

/// <summary><c>references</c>: sets of labelled scans that predicted quality rests on.</summary>
public static class ReferencesCommand
{
    private static readonly Argument<DirectoryInfo> Set = new("set")
    {
        Description = "folder of one version of a set: …/NAME/VERSION",
    };

    private static readonly Option<FileInfo> Registration = new("--registration")
    {
        Description = "a JSON file of registration settings, as set.json's \"registration\"",
    };

    /// <summary>The command with its verbs.</summary>
    public static Command Create() =>
        new("references", "Sets of labelled scans that predicted quality rests on.")
        {
            Add(),
            Build(),
            List(),
            Evaluate(),
        };

    private static Command Add()
    {
        var image = new Argument<FileInfo>("image") { Description = "a NIfTI image" };
        var labels = new Argument<FileInfo>("labels")
        {
            Description = "its labels on the same grid, with the model's values",
        };
        var add = new Command(
            "add",
            "Adds a labelled scan to a set that is not evaluated yet; begins the set where there is none."
        )
        {
            image,
            labels,
            Set,
            Registration,
        };
        add.SetAction(parsed =>
        {
            var manifest = ReferenceSetBuilder.Add(
                parsed.GetValue(Set)!.FullName,
                parsed.GetValue(image)!.FullName,
                parsed.GetValue(labels)!.FullName,
                Settings(parsed)
            );
            Console.WriteLine($"{manifest.Id}: {manifest.Files.Count / 2} references");
        });
        return add;
    }

    private static Command Build()
    {
        var pairs = new Argument<DirectoryInfo>("folder")
        {
            Description = "pairs NAME.image.nii[.gz|.zst] and NAME.labels.nii[.gz|.zst]",
        };
        var build = new Command("build", "Makes a new set of a folder of labelled scans.")
        {
            pairs,
            Set,
            Registration,
        };
        build.SetAction(parsed =>
        {
            var folder = ReferenceSetBuilder.Build(
                parsed.GetValue(pairs)!.FullName,
                parsed.GetValue(Set)!.FullName,
                Settings(parsed)
            );
            var manifest = ReferenceSetBuilder.ReadManifest(folder)!;
            Console.WriteLine($"{manifest.Id}: {manifest.Files.Count / 2} references");
        });
        return build;
    }

    private static RegistrationSettings? Settings(ParseResult parsed) =>
        parsed.GetValue(Registration) is { } file
            ? ReferenceSetBuilder.ReadRegistration(file.FullName)
            : null;

    private static Command List()
    {
        var sets = new Argument<DirectoryInfo>("folder")
        {
            Description = "folder of reference sets; those the platform comes with unless given",
            DefaultValueFactory = _ =>
                new(Path.Combine(AppContext.BaseDirectory, "packages", "references")),
        };
        var list = new Command("list", "Shows the sets of a folder and how well they predict.")
        {
            sets,
        };
        list.SetAction(parsed =>
        {
            var table = new Table { Border = TableBorder.Rounded };
            table.AddColumns(
                "set",
                "references",
                "consulted",
                "structures",
                "classifier",
                "r",
                "MAE",
                "covers"
            );
            foreach (
                var path in Directory
                    .EnumerateFiles(
                        parsed.GetValue(sets)!.FullName,
                        "set.json",
                        SearchOption.AllDirectories
                    )
                    .Order(StringComparer.Ordinal)
            )
            {
                var folder = Path.GetDirectoryName(path)!;
                var manifest = ReferenceSetBuilder.ReadManifest(folder)!;
                var calibration = ReferenceSetBuilder.ReadCalibration(folder);
                table.AddRow(
                    Markup.Escape(manifest.Id),
                    $"{manifest.Files.Count / 2}",
                    manifest.Nearest is { } nearest ? $"{nearest} nearest" : "all",
                    $"{ReferenceSetBuilder.Structures(folder, manifest).Count}",
                    calibration?.Classifier ?? "not evaluated",
                    Text(calibration?.Correlation),
                    Text(calibration?.MeanAbsoluteError),
                    Text(calibration?.Covered)
                );
            }
            AnsiConsole.Write(table);
        });
        return list;
    }

    private static string Text(double? figure) => figure is { } known ? $"{known:f3}" : "–";

    private static Command Evaluate()
    {
        var nearest = new Option<int?>("--nearest")
        {
            Description =
                "judge by only so many references, those most like the test image; what the set states unless given",
        };
        var classifier = new Option<string>("--classifier")
        {
            Description =
                "the reverse classifier models judged by this set ask for; the calibration serves it alone",
            DefaultValueFactory = _ => ReverseClassifiers.SingleAtlas,
        };
        classifier.AcceptOnlyFromAmong([.. ReverseClassifiers.All]);
        var evaluate = new Command(
            "evaluate",
            "Judges degraded labels of each reference by the others; leaves calibration.json, report.md and its plots in the set."
        )
        {
            Set,
            nearest,
            classifier,
        };
        evaluate.SetAction(
            async (parsed, cancellationToken) =>
            {
                var folder = parsed.GetValue(Set)!.FullName;
                var calibration = await ReferenceEvaluation.RunAsync(
                    folder,
                    parsed.GetValue(nearest),
                    parsed.GetValue(classifier)!,
                    new Progress<int>(done =>
                        Console.Error.WriteLine($"evaluated {done} references")
                    ),
                    cancellationToken
                );
                Console.WriteLine(
                    $"r {calibration.Correlation:f3}, MAE {calibration.MeanAbsoluteError:f3}, the interval covers {100 * calibration.Covered:f1} %: {Path.Combine(folder, "report.md")}"
                );
            }
        );
        return evaluate;
    }
}
