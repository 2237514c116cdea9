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
    private int _next;

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

    /// <summary>Reads frames; those between them are stepped over.</summary>
    /// <param name="frames">Which, ascending, the first 0; none that was read before.</param>
    /// <param name="buffer">Of at least two bytes a pixel: where each frame's pixels lie, little-endian, when it is <paramref name="read"/>.</param>
    /// <param name="read">Told each frame, and how its pixels are stored.</param>
    /// <exception cref="VolumeException">CorruptData, or UnsupportedFormat where the coded data are not what the transfer syntax says.</exception>
    public void Read(IReadOnlyList<int> frames, byte[] buffer, Action<int, PixelFormat> read)
    {
        if (_parser.Syntax.Coding == PixelCoding.Codec)
        {
            foreach (var some in frames.Chunk(CodecProcess.MostTogether(_format)))
            {
                CodecProcess.Decode(
                    _parser.Syntax,
                    _format,
                    some.Length,
                    some.Select(Coded),
                    buffer,
                    (n, format) => read(some[n], format)
                );
            }
            return;
        }
        foreach (var frame in frames)
        {
            var coded = _encapsulated is null ? null : Coded(frame);
            switch (_parser.Syntax.Coding)
            {
                case PixelCoding.RunLength:
                    RunLengthDecoder.Decode(coded!, _format, buffer);
                    break;
                case PixelCoding.JpegLossless:
                    JpegLosslessDecoder.Decode(coded!, _format, buffer);
                    break;
                case PixelCoding.Fragments:
                    ReadNative(coded!, buffer);
                    break;
                default:
                    _parser.Source.Skip((long)(frame - _next) * _format.FrameBytes);
                    _next = frame + 1;
                    ReadNative(_parser.Source, buffer);
                    break;
            }
            read(frame, _format);
        }
    }

    /// <summary>The bytes of one frame of encapsulated pixel data, until the next is asked for.</summary>
    /// <param name="frame">Which; after those asked for before.</param>
    /// <exception cref="VolumeException">CorruptData: there is none.</exception>
    public Stream Coded(int frame)
    {
        for (; _next <= frame; _next++)
        {
            _encapsulated!.Next();
        }
        return _encapsulated!;
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
        // A run of two bytes stands for 128, a bit of JPEG for a pixel; what other codecs make of a flat slice is believed to 8 MiB.
        var least = syntax.Coding switch
        {
            PixelCoding.RunLength => needed / 64,
            PixelCoding.JpegLossless => (long)count * _format.Pixels / 8,
            PixelCoding.Codec => (needed - (8 << 20)) / 1024,
            _ => needed,
        };
        if (_parser.Source.Left < least)
        {
            throw syntax.IsDeflated
                ? InflatedStream.Swells()
                : Ends(_parser.Source.Left.Value, least);
        }
    }

    private void ReadNative(Stream source, byte[] buffer)
    {
        // Pixels of 8 bits come two to a word, the last one of an odd number too.
        var frame = buffer.AsSpan(
            0,
            _format.FrameBytes + (_isSwapped ? _format.FrameBytes % 2 : 0)
        );
        var got = source.ReadAtLeast(frame, frame.Length, throwOnEndOfStream: false);
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
