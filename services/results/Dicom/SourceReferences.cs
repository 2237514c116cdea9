using System.Globalization;
using Platform.Contracts;
using Platform.Dicom;

namespace Platform.Results;

/// <summary>What derived images say of the images they were made of; nothing where those were not DICOM.</summary>
internal static class SourceReferences
{
    private static readonly DicomCode Purpose = new(
        "121322",
        "DCM",
        "Source image for image processing operation"
    );

    /// <summary>Adds the received series with all its instances (PS3.3 section C.12.2).</summary>
    public static void AddSeries(DicomDataset image, ResultSource source)
    {
        if (source.Instances is not { } instances)
        {
            return;
        }
        image.Add(
            0x0008_1115,
            new DicomDataset()
                .Add(
                    0x0008_114A,
                    [
                        .. instances
                            .Slices.DistinctBy(slice => slice.SopInstanceUid)
                            .Select(slice => Reference(source, slice)),
                    ]
                )
                .Add(0x0020_000E, "UI", source.Uid(instances.SeriesInstanceUid))
        );
    }

    /// <summary>Adds the slice that a plane lies on (PS3.3 section C.7.6.16.2.6).</summary>
    /// <param name="item">The plane's functional groups.</param>
    /// <param name="source">What was received.</param>
    /// <param name="time">Which frame of a time series, from 0; 0 for a single volume.</param>
    /// <param name="plane">Of the derived image.</param>
    /// <param name="planes">How many it has: a whole number of times those received.</param>
    /// <param name="derivation">How it was derived.</param>
    public static void AddDerivation(
        DicomDataset item,
        ResultSource source,
        int time,
        int plane,
        int planes,
        DicomCode derivation
    )
    {
        if (Slice(source, time, plane, planes) is not { } slice)
        {
            return;
        }
        item.Add(
            0x0008_9124,
            new DicomDataset()
                .Add(0x0008_2112, SourceImage(source, slice))
                .Add(0x0008_9215, derivation.ToDataset())
        );
    }

    /// <summary>A slice as an item of a source image sequence.</summary>
    public static DicomDataset SourceImage(ResultSource source, SourceSlice slice)
    {
        var reference = Reference(source, slice).Add(0x0040_A170, Purpose.ToDataset());
        return slice.Frame is { } frame
            ? reference.Add(0x0008_1160, "IS", frame.ToString(CultureInfo.InvariantCulture))
            : reference;
    }

    /// <summary>The received slice that lies where a plane does, and was taken when its frame was.</summary>
    public static SourceSlice? Slice(ResultSource source, int time, int plane, int planes)
    {
        if (source.Instances is not { Slices.Count: > 0 } instances)
        {
            return null;
        }
        var each = instances.Slices.Count / instances.Frames;
        return instances.Slices[time * each + (int)((long)plane * each / planes)];
    }

    private static DicomDataset Reference(ResultSource source, SourceSlice slice) =>
        new DicomDataset()
            .Add(0x0008_1150, "UI", slice.SopClassUid)
            .Add(0x0008_1155, "UI", source.Uid(slice.SopInstanceUid));
}
