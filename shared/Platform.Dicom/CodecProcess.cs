using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Frames of JPEG, JPEG-LS and JPEG 2000, decoded in a process of its own with limits of memory and time: a crash there costs the series, not the service.
/// Many frames go to one process. OpenJPEG, which starts soonest, decodes JPEG 2000, and GDCM the others.
/// </summary>
internal static class CodecProcess
{
    private const long MostBytes = 32 << 20;
    private const int MostFrames = 64;

    /// <summary>Frames that one process is given at most: starting it must not cost more than they do, nor may they fill the memory.</summary>
    public static int MostTogether(PixelFormat format) =>
        (int)Math.Clamp(MostBytes / format.FrameBytes, 1, MostFrames);

    /// <summary>Decodes frames.</summary>
    /// <param name="syntax">How they are coded.</param>
    /// <param name="format">What is expected.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="coded">The bytes of each, asked for one after another.</param>
    /// <param name="buffer">Of at least two bytes a pixel: where each frame's pixels lie, little-endian, when it is <paramref name="read"/>.</param>
    /// <param name="read">Told each frame, the first 0, and how its pixels are stored.</param>
    /// <exception cref="VolumeException">UnsupportedFormat: the codec is not installed; CorruptData: it failed, or something else came out.</exception>
    public static void Decode(
        TransferSyntax syntax,
        PixelFormat format,
        int count,
        IEnumerable<Stream> coded,
        byte[] buffer,
        Action<int, PixelFormat> read
    )
    {
        var folder = Directory.CreateTempSubdirectory("codec-");
        try
        {
            var bytes = (long)count * format.FrameBytes;
            var limits = new ProcessLimits(
                // Decoders hold coded and decoded frames and a copy in 32 bits; of a frame at a time, but the last two.
                AddressBytes: (512L << 20) + 8 * bytes,
                FileBytes: (1L << 20) + 2 * bytes,
                // JPEG 2000 takes a second for 8 MiB; some damaged ones keep a decoder busy for much longer.
                CpuSeconds: 20 + (int)(bytes >> 19),
                Wall: TimeSpan.FromMinutes(5)
            );
            if (syntax.IsJpeg2000)
            {
                OpenJpegCodec.Decode(folder.FullName, limits, format, count, coded, buffer, read);
            }
            else
            {
                GdcmCodec.Decode(
                    folder.FullName,
                    limits,
                    syntax,
                    format,
                    count,
                    coded,
                    buffer,
                    read
                );
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>How decoded pixels are stored: where they have fewer bits than the attributes say, their uppermost one is the sign.</summary>
    /// <param name="stated">By the attributes.</param>
    /// <param name="bits">Of a coded pixel.</param>
    public static PixelFormat Stored(PixelFormat stated, int bits)
    {
        var stored = Math.Min(stated.BitsStored, bits);
        return bits > stated.HighBit
            ? stated
            : stated with
            {
                BitsStored = stored,
                HighBit = stored - 1,
            };
    }

    /// <summary>Refuses coded pixels that are not what the attributes say.</summary>
    /// <param name="what">For example "rows".</param>
    /// <param name="expected">By the attributes.</param>
    /// <param name="decoded">By the codec.</param>
    /// <exception cref="VolumeException">CorruptData: they differ.</exception>
    public static void Require(string what, int expected, int decoded)
    {
        if (decoded != expected)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the coded pixels have {decoded} {what}, the attributes say {expected}"
            );
        }
    }
}
