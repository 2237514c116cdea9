using System.Globalization;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>
/// One segmentation as a DICOM segmentation image (PS3.3 sections A.51 and C.8.20): binary, a segment a structure of the model, a frame for every plane
/// of the label map in which the structure has a voxel. It refers to no source image: the platform keeps none of their identifiers.
/// </summary>
public static class SegmentationImage
{
    private const string SegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4";
    private const int LongestText = 64;

    /// <summary>The largest length of an element that is not undefined and even.</summary>
    private const long MostPixelBytes = 0xFFFF_FFFE;

    /// <summary>Cosine of the angle between rows and columns from which on a grid is sheared: DICOM's planes are rectangular.</summary>
    private const double MostShear = 1e-4;

    /// <summary>A plane of a segment.</summary>
    /// <param name="Segment">From 0, in the order of the structures.</param>
    /// <param name="Plane">k.</param>
    private readonly record struct Frame(int Segment, int Plane);

    /// <summary>Makes the image of one output. The label map is read while the image is written.</summary>
    /// <param name="report">The study's report.</param>
    /// <param name="output">One of its segmentations; the structures of its quality become the segments.</param>
    /// <param name="labels">On the grid the image shall have: its rows run along i, its columns along j, its frames along k.</param>
    /// <exception cref="ArgumentException">The output has no provenance, or no structure.</exception>
    /// <exception cref="VolumeException">BadGeometry where rows and columns are not at right angles, TooLarge for more pixels than an element can hold.</exception>
    public static DicomDataset Of(StudyReport report, ReportedOutput output, Volume<byte> labels)
    {
        if (
            output is not { Quality: { Structures.Count: > 0 } quality, Provenance: { } provenance }
        )
        {
            throw new ArgumentException(
                "a segmentation has a provenance and a structure or more",
                nameof(output)
            );
        }
        var structures = quality.Structures;
        var geometry = labels.Geometry;
        var (across, down, along) = Axes(geometry);
        var frames = Frames(labels, structures);
        var bytes = BinaryFrames.Length((long)frames.Length * geometry.Shape.I * geometry.Shape.J);
        if (bytes > MostPixelBytes)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the segmentation has {frames.Length} frames, {bytes} bytes: DICOM holds {MostPixelBytes}"
            );
        }
        var name = ResultObject.Name(report, quality);
        // All outputs of one received series lie in one space; of two series the platform does not know whether they do.
        var space = DicomUid.FromName(
            $"{ResultObject.Revision(report)}/{output.Plan.ReceivedSeries}/space"
        );
        var organisation = DicomUid.FromName($"{name}/segmentation/dimensions");
        return ResultObject
            .Header(report, quality, "segmentation", SegmentationStorage, "SEG")
            .Add(0x0008_0008, "CS", "DERIVED", "PRIMARY")
            .Add(
                0x0008_103E,
                "LO",
                $"Segmentation {quality.Series}{(quality.NotForDiagnosis ? ", not for diagnosis" : "")}"
            )
            .Add(0x0008_1090, "LO", Fit(quality.Model))
            .Add(0x0018_1000, "LO", provenance.ModelDigest)
            .Add(0x0018_1020, "LO", provenance.CodeVersion)
            .Add(0x0020_0011, "IS", "2")
            .Add(0x0020_0052, "UI", space)
            .Add(0x0020_1040, "LO")
            .Add(0x0020_9221, new DicomDataset().Add(0x0020_9164, "UI", organisation))
            .Add(
                0x0020_9222,
                Dimension(organisation, 0x0062_000B, 0x0062_000A, "Segment"),
                Dimension(organisation, 0x0020_0032, 0x0020_9113, "Position")
            )
            .AddNumbers(0x0028_0002, "US", 1)
            .Add(0x0028_0004, "CS", "MONOCHROME2")
            .Add(0x0028_0008, "IS", frames.Length.ToString(CultureInfo.InvariantCulture))
            .AddNumbers(0x0028_0010, "US", (uint)geometry.Shape.J)
            .AddNumbers(0x0028_0011, "US", (uint)geometry.Shape.I)
            .AddNumbers(0x0028_0100, "US", 1)
            .AddNumbers(0x0028_0101, "US", 1)
            .AddNumbers(0x0028_0102, "US", 0)
            .AddNumbers(0x0028_0103, "US", 0)
            .Add(0x0028_2110, "CS", "00")
            .Add(0x0062_0001, "CS", "BINARY")
            .Add(0x0062_0002, [.. structures.Select((s, n) => Segment(quality, s, n, name))])
            .Add(0x0062_0013, "CS", "NO")
            .Add(0x0070_0080, "CS", "SEGMENTATION")
            .Add(
                0x0070_0081,
                "LO",
                quality.NotForDiagnosis
                    ? ResultObject.NotForDiagnosis
                    : Fit($"Structures by {quality.Model}")
            )
            .Add(0x0070_0084, "PN")
            .Add(
                0x5200_9229,
                new DicomDataset()
                    .Add(
                        0x0020_9116,
                        new DicomDataset().AddDecimals(0x0020_0037, [.. across, .. down])
                    )
                    .Add(
                        0x0028_9110,
                        new DicomDataset()
                            .AddDecimals(0x0018_0050, along)
                            .AddDecimals(0x0018_0088, along)
                            .AddDecimals(0x0028_0030, geometry.Spacing.J, geometry.Spacing.I)
                    )
            )
            .AddStreamed(0x5200_9230, PerFrame(frames, geometry))
            .AddStreamed(
                0x7FE0_0010,
                (uint)bytes,
                stream => WritePixels(stream, frames, labels, structures)
            );
    }

    /// <summary>Directions of the rows and of the columns in LPS, and the distance between planes along their normal in mm.</summary>
    private static (double[] Across, double[] Down, double Along) Axes(VolumeGeometry geometry)
    {
        var affine = geometry.Affine;
        double[] Direction(ReadOnlySpan<double> a, int column, double length) =>
            [-a[column] / length, -a[4 + column] / length, a[8 + column] / length];
        var across = Direction(affine, 0, geometry.Spacing.I);
        var down = Direction(affine, 1, geometry.Spacing.J);
        var shear = across[0] * down[0] + across[1] * down[1] + across[2] * down[2];
        if (Math.Abs(shear) > MostShear)
        {
            throw new VolumeException(
                VolumeFault.BadGeometry,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"rows and columns of the labels meet at {Math.Acos(shear) * 180 / Math.PI:f2} degrees, those of a DICOM image at 90"
                )
            );
        }
        var area = geometry.Spacing.I * geometry.Spacing.J;
        return (across, down, geometry.VoxelVolume / area);
    }

    /// <summary>
    /// The frames, segment by segment. A structure without voxels is a segment without frames. An image has a frame or more (Number of Frames, type 1):
    /// where no structure has a voxel, every plane of the first segment is there, empty, so that the geometry is.
    /// </summary>
    private static Frame[] Frames(Volume<byte> labels, IReadOnlyList<StructureQuality> structures)
    {
        var (ni, nj, nk) = labels.Geometry.Shape;
        var seen = new bool[nk][];
        for (var k = 0; k < nk; k++)
        {
            seen[k] = new bool[byte.MaxValue + 1];
            foreach (var label in labels.Voxels.AsSpan(k * ni * nj, ni * nj))
            {
                seen[k][label] = true;
            }
        }
        Frame[] frames =
        [
            .. from segment in Enumerable.Range(0, structures.Count)
            from plane in Enumerable.Range(0, nk)
            where seen[plane][structures[segment].Label]
            select new Frame(segment, plane),
        ];
        return frames is [] ? [.. Enumerable.Range(0, nk).Select(k => new Frame(0, k))] : frames;
    }

    private static DicomDataset Segment(
        SegmentationQuality quality,
        StructureQuality structure,
        int index,
        string name
    )
    {
        var (red, green, blue) = LabelColours.Of((byte)structure.Label);
        // A structure that the manifest does not code is coded by its name: the type is required.
        var type = (
            structure.Snomed is { } snomed
                ? new DicomCode(snomed.Code, "SCT", Fit(snomed.Meaning))
                : new DicomCode(structure.Name, ResultObject.Scheme, Fit(structure.Name))
        ).ToDataset();
        if (ResultObject.Side(structure) is { } side)
        {
            type.Add(0x0062_0011, side.ToDataset());
        }
        return new DicomDataset()
            .Add(0x0062_0003, new DicomCode("123037004", "SCT", "Anatomical Structure").ToDataset())
            .AddNumbers(0x0062_0004, "US", (uint)index + 1)
            .Add(0x0062_0005, "LO", Fit(structure.Name))
            .Add(0x0062_0008, "CS", "AUTOMATIC")
            .Add(0x0062_0009, "LO", Fit(quality.Model))
            .AddNumbers(0x0062_000D, "US", DicomColour.Cielab(red, green, blue))
            .Add(0x0062_000F, type)
            .Add(0x0062_0020, "UT", structure.Name)
            .Add(0x0062_0021, "UI", ResultObject.TrackingUid(name, structure));
    }

    private static DicomDataset Dimension(
        string organisation,
        uint attribute,
        uint group,
        string label
    ) =>
        new DicomDataset()
            .Add(0x0020_9164, "UI", organisation)
            .AddNumbers(0x0020_9165, "AT", attribute)
            .AddNumbers(0x0020_9167, "AT", group)
            .Add(0x0020_9421, "LO", label);

    /// <summary>Dimension indices count, without a gap, what has frames (PS3.3 section C.7.6.17.1).</summary>
    private static IEnumerable<DicomDataset> PerFrame(Frame[] frames, VolumeGeometry geometry)
    {
        var segments = Ranks(frames.Select(frame => frame.Segment));
        var planes = Ranks(frames.Select(frame => frame.Plane));
        foreach (var (segment, plane) in frames)
        {
            var (x, y, z) = geometry.ToWorld(0, 0, plane);
            yield return new DicomDataset()
                .Add(
                    0x0020_9111,
                    new DicomDataset().AddNumbers(
                        0x0020_9157,
                        "UL",
                        segments[segment],
                        planes[plane]
                    )
                )
                .Add(0x0020_9113, new DicomDataset().AddDecimals(0x0020_0032, -x, -y, z))
                .Add(
                    0x0062_000A,
                    new DicomDataset().AddNumbers(0x0062_000B, "US", (uint)segment + 1)
                );
        }
    }

    private static Dictionary<int, uint> Ranks(IEnumerable<int> values) =>
        values.Distinct().Order().Index().ToDictionary(v => v.Item, v => (uint)v.Index + 1);

    private static void WritePixels(
        Stream stream,
        Frame[] frames,
        Volume<byte> labels,
        IReadOnlyList<StructureQuality> structures
    )
    {
        var size = labels.Geometry.Shape.I * labels.Geometry.Shape.J;
        var pixels = new BinaryFrames(stream);
        foreach (var (segment, plane) in frames)
        {
            pixels.Write(labels.Voxels.AsSpan(plane * size, size), (byte)structures[segment].Label);
        }
        pixels.Complete();
    }

    private static string Fit(string text) =>
        text.Length <= LongestText ? text : text[..LongestText];
}
