namespace Platform.Dicom;

/// <summary>One frame: where it lies, and what its stored values mean. Lengths in mm, directions in LPS.</summary>
internal sealed record DicomSlice
{
    public required string SeriesInstanceUid { get; init; }

    /// <summary>Which group of frames of an enhanced image it belongs to; empty in any other.</summary>
    public required string StackId { get; init; }

    public required PixelFormat Format { get; init; }

    /// <summary>Between rows, then between columns.</summary>
    public required (double Rows, double Columns) Spacing { get; init; }

    /// <summary>Centre of the first pixel.</summary>
    public required Vector Position { get; init; }

    /// <summary>Direction in which the column index grows.</summary>
    public required Vector AlongRow { get; init; }

    /// <summary>Direction in which the row index grows.</summary>
    public required Vector AlongColumn { get; init; }

    public required double Slope { get; init; }
    public required double Intercept { get; init; }

    /// <summary>Real values of its pixels: slope and intercept applied, NaN where they are padding.</summary>
    /// <param name="frame">Pixels row by row, little-endian.</param>
    /// <param name="format">How they are stored.</param>
    /// <param name="values">One for each pixel.</param>
    public void ToValues(ReadOnlySpan<byte> frame, PixelFormat format, Span<float> values) =>
        format.ToValues(frame, (float)Slope, (float)Intercept, values);

    /// <exception cref="Imaging.VolumeException">BadGeometry or CorruptData.</exception>
    public static DicomSlice Read(DicomAttributes attributes, PixelFormat format)
    {
        var spacing = attributes.Decimals(DicomTag.PixelSpacing, "PixelSpacing", 2);
        var position = attributes.Decimals(DicomTag.ImagePosition, "ImagePositionPatient", 3);
        var axes = attributes.Decimals(DicomTag.ImageOrientation, "ImageOrientationPatient", 6);
        return new DicomSlice
        {
            SeriesInstanceUid = attributes.Text(DicomTag.SeriesInstanceUid),
            StackId = attributes.Text(DicomTag.StackId),
            Format = format,
            Spacing = (spacing[0], spacing[1]),
            Position = new(position[0], position[1], position[2]),
            AlongRow = new(axes[0], axes[1], axes[2]),
            AlongColumn = new(axes[3], axes[4], axes[5]),
            Slope = attributes.Has(DicomTag.RescaleSlope)
                ? attributes.Decimals(DicomTag.RescaleSlope, "RescaleSlope", 1)[0]
                : 1,
            Intercept = attributes.Has(DicomTag.RescaleIntercept)
                ? attributes.Decimals(DicomTag.RescaleIntercept, "RescaleIntercept", 1)[0]
                : 0,
        };
    }
}
