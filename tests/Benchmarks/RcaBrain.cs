using System.Diagnostics;
using Platform.Imaging;
using Platform.Qc;

namespace Platform.Benchmarks;

/// <summary>Whole brains at 2 mm beside the published pipeline: one scan, the same references, in one run; and what retrieval saves.</summary>
static class RcaBrain
{
    /// <summary>References the peer registers; it takes most of a minute for each.</summary>
    const int PeerReferences = 4;

    const int Nearest = 4;

    /// <param name="table">Gets the rows.</param>
    /// <param name="folder">The reference set's folder.</param>
    /// <param name="set">The set.</param>
    /// <param name="image">The scan.</param>
    /// <param name="labels">Its labels, with the references' values.</param>
    public static void Beside(
        BenchTable table,
        string folder,
        ReferenceSet set,
        Volume<float> image,
        Volume<byte> labels
    )
    {
        if (RcaElastix.Version() is not { } peer)
        {
            Console.WriteLine(
                "elastix is not installed: whole brains are not measured beside the published pipeline"
            );
            return;
        }
        Console.WriteLine($"whole brain: the same pairs by {peer} …");
        var grid = Resampler.ToSpacing(image.Geometry, (2, 2, 2));
        LabelledScan test = new(Resampler.Linear(image, grid), Resampler.Nearest(labels, grid));
        LabelledScan[] all = [.. References(folder, set)];
        LabelledScan[] same = [.. all.Take(PeerReferences)];
        var (ours, seconds) = Register(Prepared(set, same, null), test.Image);
        var (theirs, peerSeconds) = RcaElastix.Propagate([test], same);
        table.Add(
            "whole brain, same pairs: wall a reference, every core",
            seconds / PeerReferences,
            "s",
            peerSeconds / PeerReferences,
            peer
        );
        table.Add(
            "whole brain, same pairs: overlap of warped structures",
            Overlap(ours.Labels, Resampler.Nearest(test.Labels, ours.Grid)),
            "Dice",
            Overlap(theirs[0], test.Labels),
            peer
        );
        var (_, nearest) = Register(Prepared(set, all, Nearest), test.Image);
        table.Add(
            $"whole brain: a scan by its nearest {Nearest} of {all.Length}",
            nearest,
            "s",
            all.Length * peerSeconds / PeerReferences,
            $"{peer}, all {all.Length} at the rate above"
        );
    }

    static ReferenceSet Prepared(
        ReferenceSet set,
        IReadOnlyList<LabelledScan> references,
        int? nearest
    ) =>
        ReferenceSet.Prepare(
            set.Manifest with
            {
                Nearest = nearest,
            },
            [.. references.Select(reference => (reference.Image, reference.Labels))]
        );

    static (PropagatedReferences Found, double Seconds) Register(
        ReferenceSet set,
        Volume<float> image
    )
    {
        var classifier = new SingleAtlasClassifier(set, Environment.ProcessorCount);
        var started = Stopwatch.GetTimestamp();
        var found = classifier.Register(image, CancellationToken.None);
        return (found, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    static IEnumerable<LabelledScan> References(string folder, ReferenceSet set)
    {
        foreach (
            var file in set.Manifest.Files.Where(f =>
                f.Name.Contains(".image.", StringComparison.Ordinal)
            )
        )
        {
            using var image = File.OpenRead(Path.Combine(folder, file.Name));
            using var labels = File.OpenRead(
                Path.Combine(folder, file.Name.Replace(".image.", ".labels."))
            );
            yield return new(NiftiReader.ReadImage(image), NiftiReader.ReadLabels(labels));
        }
    }

    /// <summary>Mean Dice of the structures the scan has, over references.</summary>
    static double Overlap(IEnumerable<Volume<byte>> warped, Volume<byte> truth) =>
        warped.Average(known =>
            LabelMeasures
                .Overlaps(known, truth)
                .Where(overlap => overlap.Second > 0)
                .Average(overlap => overlap.Dice)
        );
}
