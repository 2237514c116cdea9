using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// One instance, read up to its pixels: a single greyscale frame, the tiles of a mosaic, the stacked frames of a tomogram, or the frames of an enhanced
/// image (PS3.3 section C.7.6.16).
/// </summary>
internal sealed class DicomImage
{
    private readonly PixelPlace? _place;
    private readonly int _count;

    private DicomImage(DicomParser parser, PixelFormat format, int count, DicomSlice[] slices)
    {
        (_place, _count, Format, Slices) = (parser.Place, count, format, slices);
        (Syntax, Origin) = (parser.Syntax, DicomOrigin.Read(parser.Attributes));
    }

    /// <summary>Who it is.</summary>
    public DicomOrigin Origin { get; }

    /// <summary>How the image is written.</summary>
    public TransferSyntax Syntax { get; }

    /// <summary>How the attributes say that the pixels are stored.</summary>
    public PixelFormat Format { get; }

    /// <summary>One for each frame or tile, in the order in which they are stored.</summary>
    public IReadOnlyList<DicomSlice> Slices { get; }

    /// <summary>Reads and checks the attributes. The stream is left open.</summary>
    /// <exception cref="VolumeException">See the fault.</exception>
    public static DicomImage Read(Stream stream)
    {
        using var parser = new DicomParser(stream);
        parser.ParseToPixels();
        var count = parser.Attributes.Whole(DicomTag.NumberOfFrames) ?? 1;
        var places = parser.Frames.Count > 0 ? parser.Frames : [parser.Attributes];
        var isStacked = parser.Frames.Count == 0 && StackedFrames.Is(parser.Attributes);
        if (count != places.Count && !(isStacked && count > 0))
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                $"NumberOfFrames is {count}, the functional groups tell where {parser.Frames.Count} lie: send an enhanced image, a tomogram whose frames a slice vector numbers, or single frames"
            );
        }
        var format = PixelFormat.Read(parser.Attributes);
        // That the pixels are there is known before anything is made of them.
        using var frames = new DicomFrames(parser, format, count);
        DicomSlice[] slices = [.. places.Select(place => DicomSlice.Read(place, format))];
        if (isStacked)
        {
            slices = StackedFrames.Slices(parser.Attributes, slices[0], count);
        }
        else if (slices is [var whole] && SiemensMosaic.Is(parser.Attributes))
        {
            slices = SiemensMosaic.Slices(parser.Attributes, whole);
        }
        return new DicomImage(parser, format, count, slices);
    }

    /// <summary>The pixels, from the same bytes again: the attributes before them are stepped over where the stream can be sought.</summary>
    /// <param name="stream">At its start; left open.</param>
    /// <exception cref="VolumeException">CorruptData.</exception>
    public DicomFrames Pixels(Stream stream)
    {
        DicomParser parser;
        if (_place is { } place && stream.CanSeek)
        {
            parser = new DicomParser(stream, place);
        }
        else
        {
            parser = new DicomParser(stream);
            parser.ParseToPixels();
        }
        return new DicomFrames(parser, Format, _count);
    }

    /// <summary>Reads the pixels of some slices: slope and intercept applied, NaN where they are padding.</summary>
    /// <param name="stream">The bytes that the attributes were read from, at their start; left open.</param>
    /// <param name="slices">Which, ascending.</param>
    /// <param name="target">Where the values of a slice go, row by row.</param>
    /// <param name="buffer">Of at least two bytes a pixel of a frame; what is in it is lost.</param>
    /// <exception cref="VolumeException">CorruptData: fewer pixels than stated; UnsupportedFormat.</exception>
    public void ReadValues(
        Stream stream,
        IReadOnlyList<int> slices,
        Func<int, Memory<float>> target,
        byte[] buffer
    )
    {
        var isMosaic = Slices[0].Format != Format;
        using var frames = Pixels(stream);
        frames.Read(
            isMosaic ? [0] : slices,
            buffer,
            (frame, format) =>
            {
                foreach (var slice in isMosaic ? slices : [frame])
                {
                    Slices[slice].ToValues(buffer, format, target(slice).Span);
                }
            }
        );
    }
}
