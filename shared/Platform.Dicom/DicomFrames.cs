using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>The pixels of an image, frame after frame, whatever they are coded with.</summary>
internal sealed class DicomFrames : IDisposable
{
    private readonly DicomParser _parser;
    private readonly PixelFormat _format;
    private readonly bool _isSwapped;
    private readonly EncapsulatedFrames? _encapsulated;

    /// <param name="parser">At the pixel data, of a transfer syntax that is decoded; disposed with the frames.</param>
    /// <param name="format">Of every frame.</param>
    /// <param name="count">Frames.</param>
    /// <exception cref="VolumeException">CorruptData or UnsupportedFormat.</exception>
    public DicomFrames(DicomParser parser, PixelFormat format, int count)
    {
        (_parser, _format) = (parser, format);
        _isSwapped = parser.Syntax.IsBigEndian && parser.PixelsAreWords;
        RequireBytes(count);
        if (parser.Syntax.Coding != PixelCoding.Native)
        {
            _encapsulated = new EncapsulatedFrames(parser.Source, parser.Syntax.Coding, count);
        }
    }

    /// <summary>Reads the next frame, little-endian.</summary>
    /// <param name="buffer">Of at least two bytes a pixel.</param>
    /// <exception cref="VolumeException">CorruptData, or UnsupportedFormat where the coded data are not what the transfer syntax says.</exception>
    public void Read(byte[] buffer)
    {
        _encapsulated?.Next();
        switch (_parser.Syntax.Coding)
        {
            case PixelCoding.RunLength:
                RunLengthDecoder.Decode(_encapsulated!, _format, buffer);
                break;
            case PixelCoding.JpegLossless:
                JpegLosslessDecoder.Decode(_encapsulated!, _format, buffer);
                break;
            default:
                ReadNative(buffer);
                break;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _encapsulated?.Dispose();
        _parser.Dispose();
    }

    /// <summary>The pixel data are as long as the attributes say, and the stream, where it tells its length, holds them.</summary>
    private void RequireBytes(int count)
    {
        var (syntax, stated) = (_parser.Syntax, _parser.PixelBytes);
        if (stated == DicomParser.Undefined != (syntax.Coding != PixelCoding.Native))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the pixel data are {(stated == DicomParser.Undefined ? "" : "not ")}encapsulated, the transfer syntax is {syntax.Name}"
            );
        }
        var needed = (long)count * _format.FrameBytes;
        if (stated < needed)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"{count}×{_format.Rows}×{_format.Columns} pixels of {_format.BitsAllocated} bits need {needed} bytes, the file states {stated}"
            );
        }
        if (_isSwapped && count > 1 && _format.FrameBytes % 2 == 1)
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                "frames of an odd number of 8-bit pixels share big-endian words: send them in little endian"
            );
        }
        // A run of two bytes stands for 128, a bit of JPEG for a pixel.
        var least = syntax.Coding switch
        {
            PixelCoding.RunLength => needed / 64,
            PixelCoding.JpegLossless => (long)count * _format.Pixels / 8,
            _ => needed,
        };
        if (_parser.Source.Left < least)
        {
            throw syntax.IsDeflated
                ? InflatedStream.Swells()
                : Ends(_parser.Source.Left.Value, least);
        }
    }

    private void ReadNative(byte[] buffer)
    {
        // Pixels of 8 bits come two to a word, the last one of an odd number too.
        var frame = buffer.AsSpan(
            0,
            _format.FrameBytes + (_isSwapped ? _format.FrameBytes % 2 : 0)
        );
        var got = _parser.Source.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false);
        if (got < frame.Length)
        {
            throw Ends(got, frame.Length);
        }
        if (_isSwapped)
        {
            var words = MemoryMarshal.Cast<byte, ushort>(frame);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }

    private static VolumeException Ends(long got, long needed) =>
        new(VolumeFault.CorruptData, $"the pixel data ends after {got} of {needed} bytes");
}
