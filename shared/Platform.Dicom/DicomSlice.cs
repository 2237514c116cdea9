namespace Platform.Dicom;

/// <summary>One frame: where it lies, and what its stored values mean. Lengths in mm, directions in LPS.</summary>
internal sealed record DicomSlice
{
    public required string SeriesInstanceUid { get; init; }

    /// <summary>Which group of frames of an enhanced image it belongs to; empty in any other.</summary>
    public required string StackId { get; init; }

    /// <summary>How its pixels are stored.</summary>
    public required PixelFormat Format { get; init; }

    /// <summary>Row and column of its first pixel in the stored frame; 0 but in mosaics.</summary>
    public (int Row, int Column) Corner { get; init; }

    /// <summary>What may tell it from others at the same position.</summary>
    public required FrameVariant Variant { get; init; }

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
    /// <param name="frame">Pixels of the stored frame row by row, little-endian.</param>
    /// <param name="format">How they are stored.</param>
    /// <param name="values">One for each pixel of the slice.</param>
    public void ToValues(ReadOnlySpan<byte> frame, PixelFormat format, Span<float> values)
    {
        var (slope, intercept) = ((float)Slope, (float)Intercept);
        if (Format.Columns == format.Columns && Format.Rows == format.Rows)
        {
            format.ToValues(frame, slope, intercept, values);
            return;
        }
        var bytes = format.BitsAllocated / 8;
        for (var row = 0; row < Format.Rows; row++)
        {
            var start = (Corner.Row + row) * format.Columns + Corner.Column;
            format.ToValues(
                frame[(start * bytes)..],
                slope,
                intercept,
                values.Slice(row * Format.Columns, Format.Columns)
            );
        }
    }

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
            Variant = FrameVariant.Read(attributes),
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
