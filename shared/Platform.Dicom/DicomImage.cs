using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>One instance, read up to its pixels: a single greyscale frame, or those of an enhanced image (PS3.3 section C.7.6.16).</summary>
internal sealed class DicomImage : IDisposable
{
    private readonly PixelFormat _format;
    private readonly DicomFrames _frames;

    private DicomImage(PixelFormat format, DicomFrames frames, DicomSlice[] slices) =>
        (_format, _frames, Slices) = (format, frames, slices);

    /// <summary>One for each frame, in the order in which they are stored.</summary>
    public IReadOnlyList<DicomSlice> Slices { get; }

    /// <summary>Reads and checks the attributes. The stream is left open.</summary>
    /// <exception cref="VolumeException">See the fault.</exception>
    public static DicomImage Read(Stream stream)
    {
        var parser = new DicomParser(stream);
        parser.ParseToPixels();
        var count = parser.Attributes.Whole(DicomTag.NumberOfFrames) ?? 1;
        var places = parser.Frames.Count > 0 ? parser.Frames : [parser.Attributes];
        if (count != places.Count)
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                $"NumberOfFrames is {count}, the functional groups tell where {parser.Frames.Count} lie: send an enhanced image, or single frames"
            );
        }
        var format = PixelFormat.Read(parser.Attributes);
        var frames = new DicomFrames(parser, format, count);
        return new DicomImage(
            format,
            frames,
            [.. places.Select(place => DicomSlice.Read(place, format))]
        );
    }

    /// <summary>Reads the pixels, once: slope and intercept applied, NaN where they are padding.</summary>
    /// <param name="target">Where the values of a frame go, row by row.</param>
    /// <param name="buffer">Of at least two bytes a pixel; what is in it is lost.</param>
    /// <exception cref="VolumeException">CorruptData: fewer pixels than stated; UnsupportedFormat.</exception>
    public void ReadValues(Func<int, Memory<float>> target, byte[] buffer)
    {
        for (var n = 0; n < Slices.Count; n++)
        {
            _frames.Read(buffer);
            var (slope, intercept) = ((float)Slices[n].Slope, (float)Slices[n].Intercept);
            _format.ToValues(buffer, slope, intercept, target(n).Span);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _frames.Dispose();
}
