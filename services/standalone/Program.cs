using System.CommandLine;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Standalone;

var store = new Option<string?>("--store")
{
    Description = "folder of blobs, results and secrets; your data folder unless given",
    Recursive = true,
};
var root = new RootCommand("Turns scans into quality-checked segmentations, in one process.")
{
    store,
};

var scan = new Argument<string>("scan")
{
    Description = "a NIfTI file (.nii, .nii.gz, .nii.zst) or a folder of DICOM slices",
};
var output = new Option<DirectoryInfo>("--out")
{
    Description = "folder for labels.nii.gz, report.json and preview.png",
    DefaultValueFactory = _ => new DirectoryInfo("analysis"),
};
var models = new Option<string[]>("--model")
{
    Description =
        "a model by name or name@version; without it, models are chosen by the scan's geometry",
    DefaultValueFactory = _ => [],
};
var analyse = new Command("analyse", "Analyses one scan and leaves labels, a report and a picture.")
{
    scan,
    output,
    models,
};
analyse.SetAction(
    (parsed, cancellationToken) =>
        AnalyseCommand.RunAsync(
            parsed.GetValue(scan)!,
            parsed.GetValue(output)!,
            parsed.GetValue(store),
            parsed.GetValue(models)!,
            cancellationToken
        )
);

var port = new Option<int>("--port")
{
    Description = "HTTP port on localhost; gRPC listens on the next",
    DefaultValueFactory = _ => 8080,
};
var up = new Command("up", "Serves uploads, status, results, health and metrics on localhost.")
{
    port,
};
up.SetAction(
    (parsed, cancellationToken) =>
        ServeCommand.RunAsync(parsed.GetValue(port), parsed.GetValue(store), cancellationToken)
);

var key = new Command(
    "key",
    "Mints an API key: the key for the hospital, its hash for Tenants:{n}:KeyHashes."
);
key.SetAction(_ =>
{
    var (secret, hash) = ApiKeys.New();
    Console.WriteLine($"key  {secret}\nhash {hash}");
});

root.Subcommands.Add(analyse);
root.Subcommands.Add(up);
root.Subcommands.Add(key);
root.Subcommands.Add(ReferencesCommand.Create());
try
{
    return await root.Parse(args)
        .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e)
    when (e
            is UsageException
                or InvalidDataException
                or VolumeException
                or IOException
                or UnauthorizedAccessException
    )
{
    Console.Error.WriteLine(e.Message);
    return AnalyseCommand.Usage;
}
