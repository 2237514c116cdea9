using Platform.Benchmarks;

// Every benchmark is a class with a static Run in a file of its own; its name here is the one `./platform bench` takes.
return args switch
{
    ["accuracy"] => AccuracyBenchmark.Run(),
    ["accuracy", var packages] => AccuracyBenchmark.Run(packages),
    ["adaptation"] => AdaptationBenchmark.Run(resume: false),
    ["adaptation", "resume"] => AdaptationBenchmark.Run(resume: true),
    ["cardiac", var packages] => AccuracyCardiac.Run(packages),
    ["crf"] => CrfBenchmark.Run(),
    ["dicom"] => DicomBenchmark.Run(),
    ["imaging"] => ImagingBenchmark.Run(),
    ["inference"] => InferenceBenchmark.Run(),
    ["inference", var packages] => InferenceBenchmark.Run(packages),
    ["lesions", var packages] => AccuracyLesions.Run(packages),
    ["rca"] => RcaBenchmark.Run(),
    ["rca", var scans] => RcaBenchmark.Run(scans: int.Parse(scans)),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine(
        "usage: ./platform bench NAME, where NAME is one of: accuracy, adaptation [resume], cardiac FOLDER, crf, dicom, imaging, inference, lesions FOLDER, rca"
    );
    return 2;
}
