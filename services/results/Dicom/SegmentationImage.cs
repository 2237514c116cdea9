using System.Globalization;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>
/// One segmentation as a DICOM segmentation image (PS3.3 sections A.51 and C.8.20): binary, a segment a structure of the model, a frame for every plane
/// of the label map in which the structure has a voxel. Of a time series there are such frames for each time, which they state by their temporal position
/// index. Where the image was DICOM, every frame refers to the slice it lies on.
/// </summary>
public static class SegmentationImage
{
    internal const string SegmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4";

    /// <summary>The largest length of an element that is not undefined and even.</summary>
    private const long MostPixelBytes = 0xFFFF_FFFE;

    /// <summary>A plane of a segment at one time.</summary>
    /// <param name="Time">From 0; always 0 where there is no time series.</param>
    /// <param name="Segment">From 0, in the order of the structures.</param>
    /// <param name="Plane">k.</param>
    private readonly record struct Frame(int Time, int Segment, int Plane);

    /// <summary>
    /// Makes the image of one output. The labels are gone through twice: here, for where structures are, and again while the image is written.
    /// </summary>
    /// <param name="report">The study's report.</param>
    /// <param name="output">One of its segmentations; the structures of its quality become the segments.</param>
    /// <param name="labels">The label map, or those of a time series one after another, the same each time they are gone through, on the grid the image shall have: its rows run along i, its columns along j, its frames along k.</param>
    /// <param name="source">What the output was made of, and whose it is.</param>
    /// <exception cref="ArgumentException">The output has no provenance, or no structure.</exception>
    /// <exception cref="VolumeException">BadGeometry where rows and columns are not at right angles, TooLarge for more pixels than an element can hold.</exception>
    public static DicomDataset Of(
        StudyReport report,
        ReportedOutput output,
        IEnumerable<Volume<byte>> labels,
        ResultSource source
    )
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
        var (frames, geometry, times) = Frames(labels, structures);
        var (across, down, along) = ImagePlane.Axes(geometry);
        var bytes = BinaryFrames.Length((long)frames.Length * geometry.Shape.I * geometry.Shape.J);
        if (bytes > MostPixelBytes)
        {
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the segmentation has {frames.Length} frames, {bytes} bytes: DICOM holds {MostPixelBytes}"
            );
        }
        var result = new ResultObject(
            report,
            quality.Model,
            quality.Series,
            ResultKind.Segmentation,
            source
        );
        var organisation = DicomUid.FromName($"{result.Output}/segmentation/dimensions");
        var image = result
            .Header()
            .Add(0x0008_0008, "CS", "DERIVED", "PRIMARY")
            .Add(
                0x0008_103E,
                "LO",
                $"Segmentation {quality.Series}{(quality.NotForDiagnosis ? ", not for diagnosis" : "")}"
            )
            .Add(0x0008_1090, "LO", Text.Fit(quality.Model))
            .Add(0x0018_1000, "LO", provenance.ModelDigest)
            .Add(0x0018_1020, "LO", provenance.CodeVersion)
            .Add(0x0020_0011, "IS", "2")
            .Add(0x0020_0052, "UI", result.Space(output.Plan))
            .Add(0x0020_1040, "LO")
            .Add(0x0020_9221, new DicomDataset().Add(0x0020_9164, "UI", organisation))
            .Add(
                0x0020_9222,
                [
                    Dimension(organisation, 0x0062_000B, 0x0062_000A, "Segment"),
                    .. times > 1
                        ? [Dimension(organisation, 0x0020_9128, 0x0020_9111, "Time")]
                        : Array.Empty<DicomDataset>(),
                    Dimension(organisation, 0x0020_0032, 0x0020_9113, "Position"),
                ]
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
            .Add(0x0062_0002, [.. structures.Select((s, n) => Segment(quality, s, n, result))])
            .Add(0x0062_0013, "CS", "NO")
            .Add(0x0070_0080, "CS", "SEGMENTATION")
            .Add(
                0x0070_0081,
                "LO",
                quality.NotForDiagnosis
                    ? ResultObject.NotForDiagnosis
                    : Text.Fit($"Structures by {quality.Model}")
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
            .AddStreamed(0x5200_9230, PerFrame(frames, geometry, times, source))
            .AddStreamed(
                0x7FE0_0010,
                (uint)bytes,
                stream => WritePixels(stream, frames, labels, structures)
            );
        SourceReferences.AddSeries(image, source);
        return image;
    }

    /// <summary>
    /// The frames, time by time and segment by segment, their grid, and how many times there are. A structure without voxels is a segment without frames. An image has a frame or more (Number of Frames, type 1):
    /// where no structure has a voxel, every plane of the first segment is there at the first time, empty, so that the geometry is.
    /// </summary>
    private static (Frame[] Frames, VolumeGeometry Grid, int Times) Frames(
        IEnumerable<Volume<byte>> labels,
        IReadOnlyList<StructureQuality> structures
    )
    {
        var frames = new List<Frame>();
        VolumeGeometry? grid = null;
        var times = 0;
        foreach (var volume in labels)
        {
            grid ??= volume.Geometry;
            var (ni, nj, nk) = grid.Shape;
            var seen = new bool[nk][];
            for (var k = 0; k < nk; k++)
            {
                seen[k] = new bool[byte.MaxValue + 1];
                foreach (var label in volume.Voxels.AsSpan(k * ni * nj, ni * nj))
                {
                    seen[k][label] = true;
                }
            }
            frames.AddRange(
                from segment in Enumerable.Range(0, structures.Count)
                from plane in Enumerable.Range(0, nk)
                where seen[plane][structures[segment].Label]
                select new Frame(times, segment, plane)
            );
            times++;
        }
        return grid is null
            ? throw new ArgumentException("a segmentation has labels", nameof(labels))
            : (
                frames.Count > 0
                    ? [.. frames]
                    : [.. Enumerable.Range(0, grid.Shape.K).Select(k => new Frame(0, 0, k))],
                grid,
                times
            );
    }

    private static DicomDataset Segment(
        SegmentationQuality quality,
        StructureQuality structure,
        int index,
        ResultObject result
    )
    {
        var (red, green, blue) = LabelColours.Of((byte)structure.Label);
        // A structure that the manifest does not code is coded by its name: the type is required.
        var type = (
            structure.Snomed is { } snomed
                ? new DicomCode(snomed.Code, "SCT", Text.Fit(snomed.Meaning))
                : new DicomCode(structure.Name, ResultObject.Scheme, Text.Fit(structure.Name))
        ).ToDataset();
        if (ResultObject.Side(structure) is { } side)
        {
            type.Add(0x0062_0011, side.ToDataset());
        }
        return new DicomDataset()
            .Add(0x0062_0003, new DicomCode("123037004", "SCT", "Anatomical Structure").ToDataset())
            .AddNumbers(0x0062_0004, "US", (uint)index + 1)
            .Add(0x0062_0005, "LO", Text.Fit(structure.Name))
            .Add(0x0062_0008, "CS", "AUTOMATIC")
            .Add(0x0062_0009, "LO", Text.Fit(quality.Model))
            .AddNumbers(0x0062_000D, "US", DicomColour.Cielab(red, green, blue))
            .Add(0x0062_000F, type)
            .Add(0x0062_0020, "UT", structure.Name)
            .Add(0x0062_0021, "UI", result.TrackingUid(structure));
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

    /// <summary>Dimension indices count, without a gap, what has frames (PS3.3 section C.7.6.17.1); of time they are the temporal position index itself.</summary>
    private static IEnumerable<DicomDataset> PerFrame(
        Frame[] frames,
        VolumeGeometry geometry,
        int times,
        ResultSource source
    )
    {
        var segments = Ranks(frames.Select(frame => frame.Segment));
        var planes = Ranks(frames.Select(frame => frame.Plane));
        foreach (var (time, segment, plane) in frames)
        {
            var content = new DicomDataset();
            if (times > 1)
            {
                content
                    .AddNumbers(0x0020_9128, "UL", (uint)time + 1)
                    .AddNumbers(
                        0x0020_9157,
                        "UL",
                        segments[segment],
                        (uint)time + 1,
                        planes[plane]
                    );
            }
            else
            {
                content.AddNumbers(0x0020_9157, "UL", segments[segment], planes[plane]);
            }
            var (x, y, z) = geometry.ToWorld(0, 0, plane);
            var item = new DicomDataset();
            SourceReferences.AddDerivation(
                item,
                source,
                time,
                plane,
                geometry.Shape.K,
                new("113076", "DCM", "Segmentation")
            );
            yield return item.Add(0x0020_9111, content)
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
        IEnumerable<Volume<byte>> labels,
        IReadOnlyList<StructureQuality> structures
    )
    {
        var pixels = new BinaryFrames(stream);
        var next = 0;
        foreach (var (time, volume) in labels.Index())
        {
            var size = volume.Geometry.Shape.I * volume.Geometry.Shape.J;
            for (; next < frames.Length && frames[next].Time == time; next++)
            {
                var (_, segment, plane) = frames[next];
                pixels.Write(
                    volume.Voxels.AsSpan(plane * size, size),
                    (byte)structures[segment].Label
                );
            }
        }
        pixels.Complete();
    }
}
