using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// JPEG 2000 (ITU-T T.800) and its high-throughput form (T.814), decoded by OpenJPEG: a codestream a file, out of each of which comes a PGX file, which
/// says how many bits a pixel has.
/// </summary>
internal static class OpenJpegCodec
{
    private const string Program = "opj_decompress";
    private const string Package = "libopenjp2-tools";

    /// <summary>Longer than any "PG ML + 16 65535 65535".</summary>
    private const int MostHeadBytes = 64;

    /// <summary>As <see cref="CodecProcess.Decode"/>.</summary>
    /// <param name="folder">An empty one.</param>
    /// <param name="limits">Of the process.</param>
    /// <param name="format">What is expected.</param>
    /// <param name="count">How many frames there are.</param>
    /// <param name="coded">The bytes of each, asked for one after another.</param>
    /// <param name="buffer">Where each frame's pixels lie when it is <paramref name="read"/>.</param>
    /// <param name="read">Told each frame, and how its pixels are stored.</param>
    public static void Decode(
        string folder,
        ProcessLimits limits,
        PixelFormat format,
        int count,
        IEnumerable<Stream> coded,
        byte[] buffer,
        Action<int, PixelFormat> read
    )
    {
        foreach (var (n, frame) in coded.Index())
        {
            using var file = File.Create(Path.Combine(folder, $"{n}.j2k"));
            frame.CopyTo(file);
        }
        LimitedProcess.Run(
            Program,
            Package,
            ["-quiet", "-ImgDir", folder, "-OutFor", "PGX"],
            folder,
            limits
        );
        for (var n = 0; n < count; n++)
        {
            // A frame that is not a codestream is passed over.
            var plane = Path.Combine(folder, $"{n}_0.pgx");
            if (!File.Exists(plane))
            {
                throw LimitedProcess.Failed(Program, $"makes nothing of frame {n + 1}");
            }
            if (File.Exists(Path.Combine(folder, $"{n}_1.pgx")))
            {
                throw LimitedProcess.Failed(Program, "finds colours in them");
            }
            var bits = ReadPlane(plane, format, buffer);
            read(n, CodecProcess.Stored(format, bits));
        }
    }

    /// <summary>Reads a PGX file: "PG ML", the sign, bits, columns and rows as text, then the pixels in as few bytes as hold them, big-endian.</summary>
    /// <returns>Bits of a pixel.</returns>
    private static int ReadPlane(string path, PixelFormat format, byte[] buffer)
    {
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[MostHeadBytes];
        start = start[..file.ReadAtLeast(start, MostHeadBytes, throwOnEndOfStream: false)];
        var end = start.IndexOf((byte)'\n');
        if (
            end < 0
            || Encoding.ASCII.GetString(start[..end]).Split(' ')
                is not ["PG", "ML", _, var stated, var columns, var rows]
        )
        {
            throw LimitedProcess.Failed(Program, "writes no PGX file");
        }
        CodecProcess.Require("rows", format.Rows, Number(rows));
        CodecProcess.Require("columns", format.Columns, Number(columns));
        var bits = Number(stated);
        if (bits > format.BitsAllocated)
        {
            CodecProcess.Require("bits", format.BitsAllocated, bits);
        }
        file.Position = end + 1;
        var pixels = buffer.AsSpan(0, format.FrameBytes);
        if (bits > 8)
        {
            file.ReadExactly(pixels);
            var words = MemoryMarshal.Cast<byte, ushort>(pixels);
            BinaryPrimitives.ReverseEndianness(words, words);
            return bits;
        }
        file.ReadExactly(pixels[..format.Pixels]);
        for (var n = format.Pixels; format.BitsAllocated == 16 && --n >= 0; )
        {
            (pixels[2 * n], pixels[2 * n + 1]) = (pixels[n], 0);
        }
        return bits;
    }

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);
}
