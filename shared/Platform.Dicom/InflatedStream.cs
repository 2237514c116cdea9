using System.IO.Compression;
using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// A deflated data set (PS3.5 annex A.5, RFC 1951), inflated as it is read. What swells more than a data set of scans does is refused: 64 times, and
/// 8 MiB that an empty slice may take.
/// </summary>
internal sealed class InflatedStream(LookaheadStream deflated) : ForwardStream
{
    private const int MostRatio = 64;
    private const long Free = 8 << 20;

    private readonly DeflateStream _inflate = new(
        deflated,
        CompressionMode.Decompress,
        leaveOpen: true
    );
    private readonly long _before = deflated.Taken;
    private long _given;

    /// <summary>Bytes still to come, at most; null where the stream below does not tell.</summary>
    public long? Left => Most + MostRatio * deflated.Left - _given;

    /// <summary>What may have been given, for what was taken.</summary>
    private long Most => Free + MostRatio * (deflated.Taken - _before);

    /// <exception cref="VolumeException">CorruptData, or TooLarge where the data swell too much.</exception>
    public override int Read(Span<byte> buffer)
    {
        int got;
        try
        {
            got = _inflate.Read(buffer);
        }
        catch (InvalidDataException e)
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                "the deflated data set is damaged: it does not inflate",
                e
            );
        }
        _given += got;
        return _given <= Most ? got : throw Swells();
    }

    /// <summary>The refusal of data that swell too much.</summary>
    public static VolumeException Swells() =>
        new(
            VolumeFault.TooLarge,
            $"the deflated data set would inflate to more than {MostRatio} times its size and {Free} bytes: send it uncompressed"
        );

    protected override void Dispose(bool disposing)
    {
        _inflate.Dispose();
        base.Dispose(disposing);
    }
}
