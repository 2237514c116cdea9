using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>One instance with a single greyscale frame, read up to its pixels.</summary>
internal sealed class DicomImage
{
    private readonly DicomParser _parser;

    private DicomImage(DicomParser parser, DicomSlice slice)
    {
        _parser = parser;
        Slice = slice;
    }

    public DicomSlice Slice { get; }

    private PixelFormat Format => Slice.Format;

    /// <summary>Reads and checks the attributes. The stream is left open.</summary>
    /// <exception cref="VolumeException">See the fault.</exception>
    public static DicomImage Read(Stream stream)
    {
        var parser = new DicomParser(stream);
        parser.Parse();
        var attributes = parser.Attributes;
        if (parser.PixelBytes is not { } bytes)
        {
            throw new VolumeException(VolumeFault.CorruptData, "the file has no pixel data");
        }
        parser.Syntax.RequireDecoder();
        if (attributes.Whole(DicomTag.NumberOfFrames) is { } frames and not 1)
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                $"NumberOfFrames is {frames}: single-frame images are read"
            );
        }
        var format = PixelFormat.Read(attributes);
        RequirePixels(parser, format, bytes);
        return new DicomImage(parser, DicomSlice.Read(attributes, format));
    }

    /// <summary>Reads the pixels, once: slope and intercept applied, NaN where they are padding.</summary>
    /// <param name="values">One for each pixel, row by row.</param>
    /// <param name="buffer">Of at least two bytes a pixel; what is in it is lost.</param>
    /// <exception cref="VolumeException">CorruptData: fewer pixels than stated.</exception>
    public void ReadValues(Span<float> values, byte[] buffer)
    {
        switch (_parser.Syntax.Coding)
        {
            case PixelCoding.RunLength:
                RunLengthDecoder.Decode(Frame(), Format, buffer);
                break;
            case PixelCoding.JpegLossless:
                JpegLosslessDecoder.Decode(Frame(), Format, buffer);
                break;
            default:
                ReadNative(buffer);
                break;
        }
        Format.ToValues(buffer, (float)Slice.Slope, (float)Slice.Intercept, values);
    }

    /// <summary>The pixel data are as long as the attributes say, and the stream, where it tells its length, holds them.</summary>
    private static void RequirePixels(DicomParser parser, PixelFormat format, uint stated)
    {
        var coding = parser.Syntax.Coding;
        if (stated == DicomParser.Undefined != (coding != PixelCoding.Native))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the pixel data are {(stated == DicomParser.Undefined ? "" : "not ")}encapsulated, the transfer syntax is {parser.Syntax.Name}"
            );
        }
        if (stated < format.FrameBytes)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"{format.Rows}×{format.Columns} pixels of {format.BitsAllocated} bits need {format.FrameBytes} bytes, the file states {stated}"
            );
        }
        // A run of two bytes stands for 128, a bit of JPEG for a pixel.
        var least = coding switch
        {
            PixelCoding.RunLength => format.FrameBytes / 64,
            PixelCoding.JpegLossless => format.Pixels / 8,
            _ => format.FrameBytes,
        };
        if (parser.Source.Left < least)
        {
            throw Ends(parser.Source.Left.Value, least);
        }
    }

    private EncapsulatedFrames Frame()
    {
        var frames = new EncapsulatedFrames(_parser.Source, _parser.Syntax.Coding, 1);
        frames.Next();
        return frames;
    }

    private void ReadNative(byte[] buffer)
    {
        var swap = _parser.Syntax.IsBigEndian && _parser.PixelsAreWords;
        // Pixels of 8 bits come two to a word, the last one of an odd number too.
        var frame = buffer.AsSpan(0, Format.FrameBytes + (swap ? Format.FrameBytes % 2 : 0));
        var got = _parser.Source.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false);
        if (got < frame.Length)
        {
            throw Ends(got, frame.Length);
        }
        if (swap)
        {
            var words = MemoryMarshal.Cast<byte, ushort>(frame);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    private static VolumeException Ends(long got, long needed) =>
        new(VolumeFault.CorruptData, $"the pixel data ends after {got} of {needed} bytes");
}
