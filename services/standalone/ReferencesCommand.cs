using System.CommandLine;
using Platform.Qc;

namespace Platform.Standalone;

/// <summary><c>references</c>: sets of labelled scans that predicted quality rests on.</summary>
public static class ReferencesCommand
{
    /// <summary>The command with its verbs.</summary>
    public static Command Create()
    {
        var input = new Argument<DirectoryInfo>("pairs")
        {
            Description =
                "folder of NAME.image.nii.gz and NAME.labels.nii.gz (or .nii, .nii.zst), labels with the model's values",
        };
        var output = new Option<DirectoryInfo>("--out")
        {
            Description = "folder that holds reference sets",
            Required = true,
        };
        var name = new Option<string>("--name")
        {
            Description = "lower-case letters, digits and hyphens",
            Required = true,
        };
        var version = new Option<string>("--version")
        {
            Description = "a set never changes: another content is another version",
            DefaultValueFactory = _ => "1",
        };
        var add = new Command(
            "add",
            "Makes a reference set of a folder of labelled scans, and calibrates it."
        )
        {
            input,
            output,
            name,
            version,
        };
        add.SetAction(
            async (parsed, cancellationToken) =>
            {
                var folder = ReferenceSetBuilder.Build(
                    parsed.GetValue(input)!.FullName,
                    parsed.GetValue(output)!.FullName,
                    parsed.GetValue(name)!,
                    parsed.GetValue(version)!
                );
                await CalibrateAsync(folder, cancellationToken);
                Console.WriteLine(folder);
            }
        );

        var set = new Argument<DirectoryInfo>("set")
        {
            Description = "folder of one version of a set",
        };
        var calibrate = new Command(
            "calibrate",
            "Judges degraded labels of each reference by the others and writes calibration.json."
        )
        {
            set,
        };
        calibrate.SetAction(
            (parsed, cancellationToken) =>
                CalibrateAsync(parsed.GetValue(set)!.FullName, cancellationToken)
        );
        return new Command("references", "Sets of labelled scans that predicted quality rests on.")
        {
            add,
            calibrate,
        };
    }

    private static async Task CalibrateAsync(string folder, CancellationToken cancellationToken) =>
        await ReferenceSetBuilder.CalibrateAsync(
            folder,
            new Progress<int>(done => Console.Error.WriteLine($"calibrated {done} references")),
            cancellationToken
        );
}
