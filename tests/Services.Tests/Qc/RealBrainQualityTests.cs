using System.Globalization;
using Platform.Imaging;
using Platform.Testing;
using Xunit.Abstractions;

namespace Platform.Qc.Tests;

/// <summary>On real scans where PLATFORM_DATA names a folder with t1-brain; on made-up heads elsewhere.</summary>
public sealed class RealBrainQualityTests(ITestOutputHelper output)
{
    private static readonly byte[] Deep = [47, 48, 59, 60, 57, 58, 35];

    [Fact]
    public void Ruined_labels_of_a_scan_are_predicted_clearly_worse_than_its_own_t1_brain_or_made_up()
    {
        var data = Environment.GetEnvironmentVariable("PLATFORM_DATA");
        var real = data is not null && Directory.Exists(Path.Combine(data, "t1-brain"));
        output.WriteLine(real ? "real scans: t1-brain" : "made-up heads: PLATFORM_DATA is not set");
        var (head, references, labels) = real
            ? (Scan(data!, 1), Enumerable.Range(2, 4).Select(n => Scan(data!, n)).ToArray(), Deep)
            : (
                BrainPhantom.Subject(100),
                [.. Enumerable.Range(1, 4).Select(n => BrainPhantom.Subject(n))],
                [10, 49, 17, 53, 16]
            );
        var set = ReferenceSet.Prepare(ReferencePhantoms.Manifest, references);
        var propagated = new SingleAtlasClassifier(set, 2).Register(
            head.Image,
            CancellationToken.None
        );
        Assert.Equal(0, propagated.Failed);
        var good = propagated.Score(head.Labels);
        var shifted = propagated.Score(Ruin.Shift(head.Labels, 10));
        var bloated = propagated.Score(Ruin.Dilate(head.Labels, labels[0], 6));
        var swapped = propagated.Score(Ruin.Swap(head.Labels, labels[0], labels[1]));
        foreach (var label in labels)
        {
            var (right, wrong) = (Predicted(good, label), Predicted(shifted, label));
            output.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"label {label}: good {right:f2}, shifted 10 mm {wrong:f2}"
                )
            );
            Assert.True(right > 0.65, $"label {label}: its own labels are predicted {right:f2}");
            Assert.True(wrong < right - 0.2, $"label {label}: {right:f2} became {wrong:f2}");
        }
        Assert.True(Predicted(bloated, labels[0]) < Predicted(good, labels[0]) - 0.25);
        Assert.True(Predicted(swapped, labels[0]) < 0.05);
        Assert.Equal(Predicted(good, labels[^1]), Predicted(swapped, labels[^1]), 0.01);
    }

    private static double Predicted(
        IReadOnlyDictionary<byte, IReadOnlyList<double>> scores,
        byte label
    ) => StructureScore.Of(scores[label]).Best;

    private static (Volume<float> Image, Volume<byte> Labels) Scan(string data, int subject)
    {
        using var image = File.OpenRead(
            Path.Combine(data, "t1-brain", "t1", $"Subj{subject}_T1.nii.gz")
        );
        using var labels = File.OpenRead(
            Path.Combine(data, "t1-brain", "labels", $"Subj{subject}_T1_DLMUSE.nii.gz")
        );
        return (
            Orienter.ToOrientation(NiftiReader.ReadImage(image), "RAS"),
            Orienter.ToOrientation(NiftiReader.ReadLabels(labels), "RAS")
        );
    }
}
