using System.ComponentModel;
using System.Diagnostics;
using Platform.Imaging;

namespace Platform.Benchmarks;

/// <summary>
/// The published pipeline (Robinson 2019) rebuilt with elastix and transformix of the same machine: the reference moves, the test image is fixed;
/// rigid from the centres of gravity, then B-splines 16 mm apart; Mattes' mutual information of 1024 samples, two levels; labels nearest neighbour.
/// </summary>
static class RcaElastix
{
    const string Common = """
        (FixedInternalImagePixelType "float")
        (MovingInternalImagePixelType "float")
        (UseDirectionCosines "true")
        (Registration "MultiResolutionRegistration")
        (Interpolator "LinearInterpolator")
        (ResampleInterpolator "FinalBSplineInterpolator")
        (FinalBSplineInterpolationOrder 0)
        (Resampler "DefaultResampler")
        (FixedImagePyramid "FixedSmoothingImagePyramid")
        (MovingImagePyramid "MovingSmoothingImagePyramid")
        (NumberOfResolutions 2)
        (Optimizer "AdaptiveStochasticGradientDescent")
        (MaximumNumberOfIterations 500)
        (Metric "AdvancedMattesMutualInformation")
        (NumberOfHistogramBins 32)
        (ImageSampler "RandomCoordinate")
        (NumberOfSpatialSamples 1024)
        (NewSamplesEveryIteration "true")
        (HowToCombineTransforms "Compose")
        (DefaultPixelValue 0)
        (WriteResultImage "false")
        (ResultImagePixelType "unsigned char")
        (ResultImageFormat "nii")

        """;

    const string Rigid = """
        (Transform "EulerTransform")
        (AutomaticScalesEstimation "true")
        (AutomaticTransformInitialization "true")
        (AutomaticTransformInitializationMethod "CenterOfGravity")
        """;

    const string Spline = """
        (Transform "BSplineTransform")
        (FinalGridSpacingInPhysicalUnits 16)
        """;

    /// <summary>"elastix 5.0.1"; null where elastix or transformix is not installed.</summary>
    public static string? Version()
    {
        try
        {
            Start("transformix", ["--version"]);
            var said = Start("elastix", ["--version"]);
            return "elastix " + said.Trim().Split(' ')[^1];
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Brings each reference's labels into each test image's space, as many at a time as there are cores, one thread each.</summary>
    /// <returns>The labels by test image, and the seconds taken, reading and writing files included.</returns>
    public static (IReadOnlyList<IReadOnlyList<Volume<byte>>> Labels, double Seconds) Propagate(
        IReadOnlyList<LabelledScan> tests,
        IReadOnlyList<LabelledScan> references
    )
    {
        var folder = Directory.CreateTempSubdirectory("rca-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "rigid.txt"), Common + Rigid);
            File.WriteAllText(Path.Combine(folder, "spline.txt"), Common + Spline);
            Write(folder, "test", tests);
            Write(folder, "reference", references);
            var labels = tests.Select(_ => new Volume<byte>[references.Count]).ToArray();
            var started = Stopwatch.GetTimestamp();
            Parallel.For(
                0,
                tests.Count * references.Count,
                new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
                pair =>
                {
                    var (test, reference) = Math.DivRem(pair, references.Count);
                    labels[test][reference] = Register(folder, test, reference);
                }
            );
            return (labels, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static Volume<byte> Register(string folder, int test, int reference)
    {
        var output = Directory
            .CreateDirectory(Path.Combine(folder, $"{test}-{reference}"))
            .FullName;
        string At(string name) => Path.Combine(folder, name);
        Start(
            "elastix",
            [
                "-f",
                At($"test{test}.image.nii"),
                "-m",
                At($"reference{reference}.image.nii"),
                "-p",
                At("rigid.txt"),
                "-p",
                At("spline.txt"),
                "-out",
                output,
                "-threads",
                "1",
            ]
        );
        Start(
            "transformix",
            [
                "-in",
                At($"reference{reference}.labels.nii"),
                "-tp",
                Path.Combine(output, "TransformParameters.1.txt"),
                "-out",
                output,
                "-threads",
                "1",
            ]
        );
        using var stream = File.OpenRead(Path.Combine(output, "result.nii"));
        return Orienter.ToOrientation(NiftiReader.ReadLabels(stream), "RAS");
    }

    static void Write(string folder, string name, IReadOnlyList<LabelledScan> crops)
    {
        for (var n = 0; n < crops.Count; n++)
        {
            using var image = File.Create(Path.Combine(folder, $"{name}{n}.image.nii"));
            using var labels = File.Create(Path.Combine(folder, $"{name}{n}.labels.nii"));
            NiftiWriter.Write(image, crops[n].Image, NiftiCompression.None);
            NiftiWriter.Write(labels, crops[n].Labels, NiftiCompression.None);
        }
    }

    static string Start(string program, IEnumerable<string> arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{program} ended with {process.ExitCode}: {errors.Result}{output[^Math.Min(400, output.Length)..]}"
            );
    }
}
