using System.Diagnostics;
using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>A reference that was left out and judged by the others.</summary>
/// <param name="Number">Its number in the set, from 1.</param>
/// <param name="Registered">References that could be held against it.</param>
/// <param name="Failed">References that could not.</param>
/// <param name="Seconds">Wall time of judging one segmentation, degrading it included.</param>
public sealed record EvaluatedReference(int Number, int Registered, int Failed, double Seconds)
{
    /// <summary>As a reference it could be registered with none of the others: it takes no part in the calibration.</summary>
    public bool Strange { get; init; }
}

/// <summary>
/// Leave-one-out over a reference set: each reference in turn is the test image, with its labels degraded to Dice from 1 down to 0, and the
/// others predict their Dice. A single atlas that registers with none of the others is said to be strange and teaches the calibration nothing.
/// </summary>
public static class ReferenceEvaluation
{
    /// <summary>Numbers of nearest references the report also tries, where more are registered.</summary>
    private static readonly int[] Fewer = [2, 4, 8, 16, 32];

    /// <summary>Evaluates a set; writes calibration.json, report.md and its plots into its folder, and into set.json how many nearest references count.</summary>
    /// <param name="setDir">The set's folder.</param>
    /// <param name="nearest">References registered with each test image; null keeps what the set states, as many as there are or more means all.</param>
    /// <param name="classifier">The reverse classifier to evaluate, one of <see cref="ReverseClassifiers.All"/>: the calibration serves it alone.</param>
    /// <param name="progress">Told how many references are done.</param>
    /// <param name="cancellationToken">Stops the work; nothing is written then.</param>
    /// <exception cref="InvalidDataException">The set is damaged, has a single reference, or none that registers with another; there is no such classifier.</exception>
    public static async Task<Calibration> RunAsync(
        string setDir,
        int? nearest = null,
        string classifier = ReverseClassifiers.SingleAtlas,
        IProgress<int>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        var set = await ReferenceSet.FromFolderAsync(setDir, calibrated: false, cancellationToken);
        if (set.References.Count < 2)
        {
            throw new InvalidDataException(
                "a set of one reference cannot be evaluated by leave-one-out"
            );
        }
        if (nearest < 1)
        {
            throw new InvalidDataException($"{nearest} nearest references: at least 1 is needed");
        }
        nearest ??= set.Manifest.Nearest;
        nearest = nearest >= set.References.Count ? null : nearest;
        var images = set
            .Manifest.Files.Where(f => f.Name.Contains(".image.", StringComparison.Ordinal))
            .ToList();
        var registered = Math.Min(nearest ?? int.MaxValue, set.References.Count - 1);
        int[] counts = [.. Fewer.Where(k => k < registered), registered];
        var samples = counts.ToDictionary(k => k, _ => new List<CalibrationSample>());
        var references = new List<EvaluatedReference>();
        var (tried, registers) = (new HashSet<Reference>(), new HashSet<Reference>());
        for (var n = 0; n < set.References.Count; n++)
        {
            var held = set.References[n];
            using var stream = File.OpenRead(Path.Combine(setDir, images[n].Name));
            var image = NiftiReader.ReadImage(stream);
            var started = Stopwatch.GetTimestamp();
            var others = set.Without(held, nearest);
            var judge = IReverseClassifier
                .Create(classifier, others, Environment.ProcessorCount)
                .Prepare(image, ReferencePart.Whole, cancellationToken);
            var prepared = Stopwatch.GetElapsedTime(started).TotalSeconds;
            started = Stopwatch.GetTimestamp();
            var sampled = ReferenceSetBuilder.Sample(
                judge,
                n,
                held.Labels,
                counts,
                cancellationToken
            );
            var judged = Stopwatch.GetElapsedTime(started).TotalSeconds;
            references.Add(
                new(
                    n + 1,
                    judge.References.Count,
                    judge.Failed,
                    prepared + judged / ReferenceSetBuilder.Severities.Length
                )
            );
            tried.UnionWith(others.References.Take(others.Consulted));
            registers.UnionWith(judge.References);
            foreach (var (k, theirs) in counts.Zip(sampled))
            {
                samples[k].AddRange(theirs);
            }
            progress?.Report(n + 1);
        }
        // Anything can be bent towards noise, noise towards nothing: what registers with none of the others is no example of their anatomy.
        bool Strange(int number) =>
            tried.Contains(set.References[number]) && !registers.Contains(set.References[number]);
        foreach (var list in samples.Values)
        {
            list.RemoveAll(sample => Strange(sample.Reference));
        }
        if (samples[registered].Count == 0)
        {
            throw new InvalidDataException(
                "no reference could be registered with another: they show different anatomy"
            );
        }
        var (calibration, heldOut) = Calibration.Evaluate(samples[registered], nearest, classifier);
        var manifest = set.Manifest with { Nearest = nearest };
        ReferenceSetBuilder.WriteManifest(setDir, manifest);
        await File.WriteAllTextAsync(
            Path.Combine(setDir, ReferenceSet.CalibrationFile),
            JsonSerializer.Serialize(calibration, PlatformJson.Options) + "\n",
            cancellationToken
        );
        ReferenceReport.Write(
            setDir,
            manifest,
            samples.ToDictionary(
                of => of.Key,
                of => Calibration.Evaluate(of.Value, nearest, classifier).Calibration
            ),
            heldOut,
            [.. references.Select((r, n) => r with { Strange = Strange(n) })]
        );
        return calibration;
    }
}
