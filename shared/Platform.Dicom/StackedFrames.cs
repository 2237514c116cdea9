using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// The frames of a tomogram of nuclear medicine: without functional groups, numbered by the slice vector, stacked along the normal from the place that the
/// first detector states (PS3.3 sections C.8.4.8 and C.8.4.15).
/// </summary>
internal static class StackedFrames
{
    /// <summary>Whether the frames of an image are told apart by their slice, and by nothing else.</summary>
    public static bool Is(DicomAttributes attributes) =>
        attributes.Shorts(DicomTag.FrameIncrementPointer)
            is [(ushort)(DicomTag.SliceVector >> 16), (ushort)(DicomTag.SliceVector & 0xFFFF)];

    /// <summary>Where the frames lie.</summary>
    /// <param name="attributes">Of the image.</param>
    /// <param name="first">The slice of number 1.</param>
    /// <param name="count">How many there are.</param>
    /// <exception cref="VolumeException">CorruptData or BadGeometry.</exception>
    public static DicomSlice[] Slices(DicomAttributes attributes, DicomSlice first, int count)
    {
        var numbers = attributes.Shorts(DicomTag.SliceVector);
        if (numbers.Length != count)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the slice vector (0054,0080) numbers {numbers.Length} frames, NumberOfFrames is {count}"
            );
        }
        // Negative where the slices are stacked against the normal.
        var increment = attributes.Decimals(
            DicomTag.SpacingBetweenSlices,
            "SpacingBetweenSlices",
            1
        )[0];
        var normal = first.AlongRow.Cross(first.AlongColumn);
        return
        [
            .. numbers.Select(number =>
                first with
                {
                    Position = first.Position + (number - 1) * increment * normal,
                }
            ),
        ];
    }
}
