using System.Globalization;
using Platform.Imaging;

namespace Platform.Training;

/// <summary>How well lesions of synthetic heads are found.</summary>
/// <param name="Dice">Overlap of all lesions of a head; 1 where there is none and none is found.</param>
/// <param name="Sensitivity">Share of a head's lesions of which a voxel is found; NaN where there is none.</param>
/// <param name="FalsePositives">Found pieces of a head that touch no lesion.</param>
public sealed record SyntheticAgreement(double Dice, double Sensitivity, double FalsePositives)
{
    /// <summary>Found labels against a head's own.</summary>
    /// <param name="found">Class of every voxel.</param>
    /// <param name="head">The head.</param>
    /// <param name="lesions">Classes from 1 to this are lesions.</param>
    public static SyntheticAgreement Between(byte[] found, NormalisedHead head, int lesions)
    {
        var geometry = VolumeGeometry.Ras(head.Shape, (1, 1, 1));
        var (a, b) = (Lesions(found), Lesions(head.Labels));
        var (dice, detection) = (LabelMeasures.Dice(a, b, 1), LesionDetection.Between(a, b));
        return new(double.IsNaN(dice) ? 1 : dice, detection.Sensitivity, detection.FalsePositives);

        Volume<byte> Lesions(byte[] labels) =>
            new(
                geometry,
                [.. labels.Select(label => label > 0 && label <= lesions ? (byte)1 : (byte)0)]
            );
    }

    /// <summary>The mean over heads.</summary>
    public static SyntheticAgreement Mean(IEnumerable<SyntheticAgreement> heads)
    {
        var all = heads.ToList();
        return new(
            all.Average(head => head.Dice),
            all.Select(head => head.Sensitivity)
                .Where(double.IsFinite)
                .DefaultIfEmpty(double.NaN)
                .Average(),
            all.Average(head => head.FalsePositives)
        );
    }

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Dice {Dice:f3}, lesions found {Sensitivity:f2}, false {FalsePositives:f1} a head"
        );
}
