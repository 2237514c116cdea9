using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>One instance, read up to its pixels: a single greyscale frame, or those of an enhanced image (PS3.3 section C.7.6.16).</summary>
internal sealed class DicomImage : IDisposable
{
    private readonly DicomFrames _frames;

    private DicomImage(
        TransferSyntax syntax,
        PixelFormat format,
        DicomFrames frames,
        DicomSlice[] slices
    ) => (Syntax, Format, _frames, Slices) = (syntax, format, frames, slices);

    /// <summary>How the image is written.</summary>
    public TransferSyntax Syntax { get; }

    /// <summary>How the attributes say that the pixels are stored.</summary>
    public PixelFormat Format { get; }

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
            parser.Syntax,
            format,
            frames,
            [.. places.Select(place => DicomSlice.Read(place, format))]
        );
    }

    /// <summary>Reads the pixels of some frames, once: slope and intercept applied, NaN where they are padding.</summary>
    /// <param name="frames">Which, ascending.</param>
    /// <param name="target">Where the values of a frame go, row by row.</param>
    /// <param name="buffer">Of at least two bytes a pixel; what is in it is lost.</param>
    /// <exception cref="VolumeException">CorruptData: fewer pixels than stated; UnsupportedFormat.</exception>
    public void ReadValues(
        IReadOnlyList<int> frames,
        Func<int, Memory<float>> target,
        byte[] buffer
    ) =>
        _frames.Read(
            frames,
            buffer,
            (frame, format) => Slices[frame].ToValues(buffer, format, target(frame).Span)
        );

    /// <summary>The bytes of the first frame of encapsulated pixel data as they are.</summary>
    public Stream Coded() => _frames.Coded(0);

    /// <inheritdoc/>
    public void Dispose() => _frames.Dispose();
}
