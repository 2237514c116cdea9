using System.Globalization;
using System.Numerics.Tensors;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>
/// A super-resolved volume as a series of MR images (PS3.3 section A.4), an instance a plane: derived and secondary, each referring to the acquired slice it
/// lies on, and each saying that it is not for diagnosis. What the scanner measured is not claimed: timing and coil are left empty.
/// </summary>
public static class SuperResolvedImage
{
    internal const string MrImageStorage = "1.2.840.10008.5.1.4.1.1.4";
    private const string Derivation =
        "Super-resolved from thicker slices: detail between the acquired slices is estimated. "
        + ResultObject.NotForDiagnosis;

    /// <summary>Makes one plane.</summary>
    /// <param name="report">The study's report.</param>
    /// <param name="output">One of its super-resolved volumes.</param>
    /// <param name="received">The series it was made of.</param>
    /// <param name="time">Which frame of a time series, from 0; 0 for a single volume.</param>
    /// <param name="volume">That frame, on the grid the images shall have: rows run along i, columns along j, planes along k.</param>
    /// <param name="plane">k.</param>
    /// <param name="source">What the output was made of, and whose it is.</param>
    /// <exception cref="VolumeException">BadGeometry where rows and columns are not at right angles.</exception>
    public static DicomDataset Of(
        StudyReport report,
        ReportedOutput output,
        PlannedSeries received,
        int time,
        Volume<float> volume,
        int plane,
        ResultSource source
    )
    {
        var geometry = volume.Geometry;
        var (across, down, along) = ImagePlane.Axes(geometry);
        var result = ObjectOf(report, output.Plan, source);
        var (slope, intercept) = Rescale(volume.Voxels);
        var size = geometry.Shape.I * geometry.Shape.J;
        var pixels = new short[size];
        var voxels = volume.Voxels.AsSpan(plane * size, size);
        for (var n = 0; n < size; n++)
        {
            pixels[n] = (short)MathF.Round((voxels[n] - intercept) / slope);
        }
        var (x, y, z) = geometry.ToWorld(0, 0, plane);
        var image = result
            .Header(time * geometry.Shape.K + plane + 1)
            .Add(0x0008_0008, "CS", "DERIVED", "SECONDARY", "OTHER")
            .Add(0x0008_103E, "LO", $"Super-resolved {output.Plan.Series}, not for diagnosis")
            .Add(0x0008_1090, "LO", Text.Fit(output.Plan.Model))
            .Add(0x0008_2111, "ST", Derivation)
            .Add(0x0018_0020, "CS", "RM")
            .Add(0x0018_0021, "CS", "NONE")
            .Add(0x0018_0022, "CS")
            .Add(0x0018_0023, "CS")
            .AddDecimals(0x0018_0050, along)
            .Add(0x0018_0080, "DS")
            .Add(0x0018_0081, "DS")
            .AddDecimals(0x0018_0088, along)
            .Add(0x0018_0091, "IS")
            .Add(0x0018_1020, "LO", report.CodeVersion)
            .Add(0x0018_5100, "CS")
            .Add(0x0020_0011, "IS", "3")
            .AddDecimals(0x0020_0032, -x, -y, z)
            .AddDecimals(0x0020_0037, [.. across, .. down])
            .Add(0x0020_0052, "UI", result.Space(output.Plan))
            .Add(0x0020_0060, "CS")
            .Add(0x0020_1040, "LO")
            .Add(0x0020_4000, "LT", ResultObject.NotForDiagnosis)
            .AddNumbers(0x0028_0002, "US", 1)
            .Add(0x0028_0004, "CS", "MONOCHROME2")
            .AddNumbers(0x0028_0010, "US", (uint)geometry.Shape.J)
            .AddNumbers(0x0028_0011, "US", (uint)geometry.Shape.I)
            .AddDecimals(0x0028_0030, geometry.Spacing.J, geometry.Spacing.I)
            .AddNumbers(0x0028_0100, "US", 16)
            .AddNumbers(0x0028_0101, "US", 16)
            .AddNumbers(0x0028_0102, "US", 15)
            .AddNumbers(0x0028_0103, "US", 1)
            .Add(0x0028_0301, "CS", "NO")
            .Add(0x0028_2110, "CS", "00")
            .AddPixels(pixels);
        if (slope != 1 || intercept != 0)
        {
            image
                .AddDecimals(0x0028_1052, intercept)
                .AddDecimals(0x0028_1053, slope)
                .Add(0x0028_1054, "LO", "US");
        }
        if (received.Frames > 1)
        {
            image
                .Add(0x0020_0100, "IS", Whole(time + 1))
                .Add(0x0020_0105, "IS", Whole(received.Frames));
        }
        SourceReferences.AddSeries(image, source);
        if (SourceReferences.Slice(source, time, plane, geometry.Shape.K) is { } slice)
        {
            image.Add(0x0008_2112, SourceReferences.SourceImage(source, slice));
        }
        return image;
    }

    private static string Whole(int number) => number.ToString(CultureInfo.InvariantCulture);

    internal static ResultObject ObjectOf(
        StudyReport report,
        PlannedOutput output,
        ResultSource source
    ) => new(report, output.Model, output.Series, ResultKind.Volume, source);

    /// <summary>Whole numbers as they are, where they fit and are many enough that rounding hides nothing; else spread over 16 bits.</summary>
    private static (float Slope, float Intercept) Rescale(ReadOnlySpan<float> voxels)
    {
        const float FewLevels = 256;
        var (least, most) = (TensorPrimitives.Min(voxels), TensorPrimitives.Max(voxels));
        if (least >= short.MinValue && most <= short.MaxValue && most - least >= FewLevels)
        {
            return (1, 0);
        }
        var slope = most > least ? (most - least) / ushort.MaxValue : 1;
        return (slope, least - short.MinValue * slope);
    }
}
