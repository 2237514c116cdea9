using System.Globalization;
using System.Text;
using Platform.Dicom;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Benchmarks;

/// <summary>
/// The cardiac model on the three real patients of PLATFORM_DATA/cardiac-cine (short-axis cine, 20 phases), against the manual contours of end diastole
/// (cavity and myocardium) and end systole (cavity). None took part in training.
/// </summary>
internal static class AccuracyCardiac
{
    private const double RequiredCavity = 0.80,
        RequiredMyocardium = 0.65;

    /// <summary>Values of the contoured structures.</summary>
    public const byte Cavity = 1,
        Myocardium = 2;

    /// <summary>Density of muscle, g/ml.</summary>
    private const double MuscleDensity = 1.05;

    /// <summary>Harmonics of a heart beat that a volume curve may have; what is beyond counts as roughness.</summary>
    private const int Harmonics = 4;

    /// <summary>Measures the cardiac model of a folder of packages by itself, installed or a candidate.</summary>
    /// <param name="packages">The folder that holds models/.</param>
    /// <returns>The process's exit code.</returns>
    public static int Run(string packages)
    {
        if (AccuracyBenchmark.DataFolder() is not { } data)
        {
            return 2;
        }
        var table = new BenchTable("cardiac");
        var reached = Measure(ModelRepository.InFolder(packages), packages, data, table);
        return reached is null ? 2
            : table.Finish() is not 0 and var failed ? failed
            : reached.Value ? 0
            : 1;
    }

    /// <summary>Whether the model reaches what is required; null where none is installed.</summary>
    public static bool? Measure(
        ModelRepository models,
        string packages,
        string data,
        BenchTable table
    )
    {
        var manifest = models
            .ListAsync(default)
            .GetAwaiter()
            .GetResult()
            .LastOrDefault(m => m.Task == ModelTask.Segmentation && m.Input.Channels is ["cine"]);
        if (manifest is null)
        {
            Console.Error.WriteLine("bench: no cardiac model (channel cine) is installed");
            return null;
        }
        using var model = new OnnxModel(
            models.LoadAsync(manifest.Id, default).GetAwaiter().GetResult()
        );
        string[] truths =
        [
            .. Directory
                .EnumerateFiles(Path.Combine(data, "cardiac-cine"), "*_gt4d.nii.gz")
                .Order(StringComparer.Ordinal),
        ];
        var patients = truths
            .Select((path, n) => Patient.Of($"patient {n + 1}", path, model))
            .ToList();
        var cavity = patients.Average(p => (p.Diastole.Cavity + p.Systole.Cavity) / 2);
        var myocardium = patients.Average(p => p.Diastole.Myocardium);
        table.Add("left ventricular cavity, Dice", cavity, "Dice");
        table.Add("left ventricular myocardium, Dice", myocardium, "Dice");
        foreach (var patient in patients)
        {
            table.Add($"{patient.Name}: cavity at end diastole", patient.Diastole.Cavity, "Dice");
            table.Add($"{patient.Name}: cavity at end systole", patient.Systole.Cavity, "Dice");
            table.Add($"{patient.Name}: myocardium", patient.Diastole.Myocardium, "Dice");
        }
        table.Add(
            "ejection fraction, error",
            patients.Average(p => Math.Abs(p.EjectionError)),
            "%"
        );
        table.Add("volume curve, roughness", patients.Average(p => p.Roughness), "ml");
        table.Add("seconds a frame", patients.Average(p => p.Seconds), "s");
        ModelCard.Rewrite(packages, manifest, Section(patients, cavity, myocardium));
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"heart: cavity Dice {cavity:f3}, {RequiredCavity:f2} is required; myocardium {myocardium:f3}, {RequiredMyocardium:f2} is required"
            )
        );
        var slices = AccuracyCardiacSlices.Measure(models, packages, model, truths, table);
        return cavity >= RequiredCavity && myocardium >= RequiredMyocardium && slices != false;
    }

    private static string Section(IReadOnlyList<Patient> patients, double cavity, double myocardium)
    {
        var text = new StringBuilder(
            """
            Three real patients, short-axis cine of 20 phases, slices of 8 to 10 mm, manual contours at end diastole and end systole, none of them seen in training.
            Every slice counts, contoured or not. ED and ES: end diastole and end systole.

            | patient | cavity ED: Dice | HD95, mm | ASSD, mm | cavity ES: Dice | HD95, mm | ASSD, mm | myocardium ED: Dice | HD95, mm | ASSD, mm |
            |---|---|---|---|---|---|---|---|---|---|

            """
        );
        foreach (var p in patients)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {p.Name} | {p.Diastole.Cavity:f3} | {p.Diastole.CavitySurface.Hd95:f1} | {p.Diastole.CavitySurface.Assd:f2} | {p.Systole.Cavity:f3} | {p.Systole.CavitySurface.Hd95:f1} | {p.Systole.CavitySurface.Assd:f2} | {p.Diastole.Myocardium:f3} | {p.Diastole.MyocardiumSurface.Hd95:f1} | {p.Diastole.MyocardiumSurface.Assd:f2} |"
            );
        }
        text.AppendLine();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"Mean Dice: cavity **{cavity:f3}**, myocardium **{myocardium:f3}**. In the table below the truth is in brackets; mass is myocardium at {MuscleDensity:f2} g/ml; roughness is what the curve of"
        );
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"cavity volumes over the beat has beyond {Harmonics} harmonics (root mean square), overlap the mean Dice of the cavities of neighbouring phases."
        );
        text.AppendLine();
        text.AppendLine(
            "| patient | ED volume, ml | ES volume, ml | ejection fraction, % | mass, g | roughness, ml | overlap |"
        );
        text.AppendLine("|---|---|---|---|---|---|---|");
        foreach (var p in patients)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {p.Name} | {p.Diastole.Ml:f0} ({p.Diastole.TrueMl:f0}) | {p.Systole.Ml:f0} ({p.Systole.TrueMl:f0}) | {p.Ejection:f0} ({p.TrueEjection:f0}) | {p.Diastole.MuscleMl * MuscleDensity:f0} ({p.Diastole.TrueMuscleMl * MuscleDensity:f0}) | {p.Roughness:f1} | {p.Overlap:f3} |"
            );
        }
        return text.ToString();
    }

    private sealed record Phase(
        double Cavity,
        (double Hd95, double Assd) CavitySurface,
        double Myocardium,
        (double Hd95, double Assd) MyocardiumSurface,
        double Ml,
        double TrueMl,
        double MuscleMl,
        double TrueMuscleMl
    )
    {
        public static Phase Of(Volume<byte> found, Volume<byte> truth) =>
            new(
                LabelMeasures.Dice(found, truth, AccuracyCardiac.Cavity),
                Surface(found, truth, AccuracyCardiac.Cavity),
                LabelMeasures.Dice(found, truth, AccuracyCardiac.Myocardium),
                Surface(found, truth, AccuracyCardiac.Myocardium),
                Millilitres(found, AccuracyCardiac.Cavity),
                Millilitres(truth, AccuracyCardiac.Cavity),
                Millilitres(found, AccuracyCardiac.Myocardium),
                Millilitres(truth, AccuracyCardiac.Myocardium)
            );

        private static (double, double) Surface(
            Volume<byte> found,
            Volume<byte> truth,
            byte label
        ) =>
            SurfaceDistances.Between(found, truth, label) is { } distances
                ? (distances.Hausdorff95, distances.Average)
                : (double.PositiveInfinity, double.PositiveInfinity);
    }

    private sealed record Patient(
        string Name,
        Phase Diastole,
        Phase Systole,
        double Roughness,
        double Overlap,
        double Seconds
    )
    {
        public double Ejection => 100 * (1 - Systole.Ml / Diastole.Ml);

        public double TrueEjection => 100 * (1 - Systole.TrueMl / Diastole.TrueMl);

        public double EjectionError => Ejection - TrueEjection;

        public static Patient Of(string name, string truthPath, OnnxModel model)
        {
            var segmenter = new Segmenter(model);
            var phases = new List<Phase>();
            var cavities = new List<Volume<byte>>();
            var started = System.Diagnostics.Stopwatch.GetTimestamp();
            foreach (var (image, truth) in Frames(truthPath))
            {
                var labels = Resampler.Nearest(
                    segmenter.Restore(image, segmenter.Infer(segmenter.Prepare(image), default)),
                    truth.Geometry
                );
                cavities.Add(labels);
                if (truth.Voxels.AsSpan().IndexOf(AccuracyCardiac.Cavity) >= 0)
                {
                    phases.Add(Phase.Of(labels, truth));
                }
            }
            var seconds =
                System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds / cavities.Count;
            var volumes = cavities
                .Select(labels => Millilitres(labels, AccuracyCardiac.Cavity))
                .ToArray();
            return new(
                name,
                phases.MaxBy(phase => phase.TrueMl)!,
                phases.MinBy(phase => phase.TrueMl)!,
                RoughnessOf(volumes),
                cavities
                    .Zip(cavities.Skip(1))
                    .Average(pair =>
                        LabelMeasures.Dice(pair.First, pair.Second, AccuracyCardiac.Cavity)
                    ),
                seconds
            );
        }
    }

    /// <summary>The frames of a patient with their contours.</summary>
    /// <param name="truthPath">The 4D labels; the images lie beside, in a NIfTI file or a folder of DICOM files.</param>
    public static IEnumerable<(Volume<float> Image, Volume<byte> Truth)> Frames(string truthPath)
    {
        using var file = File.OpenRead(truthPath);
        using var truths = new NiftiFrameReader<byte>(file);
        var patient = Path.GetFileName(truthPath).Split('_')[0];
        var folder = Path.GetDirectoryName(truthPath)!;
        var path = Path.Combine(folder, $"{patient}_4d.nii.gz");
        var images = File.Exists(path)
            ? OfNifti(path)
            : OfDicom(Path.Combine(folder, $"dicom-{patient}"));
        foreach (var image in images)
        {
            yield return (
                image,
                truths.Read()
                    ?? throw new InvalidDataException($"{truthPath}: fewer labels than images")
            );
        }
    }

    private static IEnumerable<Volume<float>> OfNifti(string path)
    {
        using var file = File.OpenRead(path);
        using var reader = new NiftiFrameReader<float>(file);
        while (reader.Read() is { } frame)
        {
            yield return frame;
        }
    }

    private static IEnumerable<Volume<float>> OfDicom(string folder)
    {
        var series = DicomSeries
            .Open(
                Directory
                    .EnumerateFiles(folder, "*.dcm")
                    .Select<string, Func<Stream>>(file => () => File.OpenRead(file))
            )
            .Single();
        return Enumerable.Range(0, series.Frames).Select(frame => series.Read(frame));
    }

    private static double Millilitres(Volume<byte> labels, byte label) =>
        labels.Voxels.AsSpan().Count(label) * labels.Geometry.VoxelVolume / 1000;

    /// <summary>Root mean square of what a periodic curve has beyond its mean and the first harmonics.</summary>
    private static double RoughnessOf(double[] curve)
    {
        double[] rest = [.. curve.Select(value => value - curve.Average())];
        for (var harmonic = 1; harmonic <= Harmonics; harmonic++)
        {
            var wave = 2 * Math.PI * harmonic / curve.Length;
            var cosine = curve.Select((v, n) => v * Math.Cos(wave * n)).Sum() * 2 / curve.Length;
            var sine = curve.Select((v, n) => v * Math.Sin(wave * n)).Sum() * 2 / curve.Length;
            rest =
            [
                .. rest.Select(
                    (v, n) => v - cosine * Math.Cos(wave * n) - sine * Math.Sin(wave * n)
                ),
            ];
        }
        return Math.Sqrt(rest.Average(v => v * v));
    }
}
