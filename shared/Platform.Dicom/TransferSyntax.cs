using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>How the pixels of a frame are written.</summary>
internal enum PixelCoding
{
    /// <summary>As they are (PS3.5 section 8.1).</summary>
    Native,

    /// <summary>Run lengths (PS3.5 annex G).</summary>
    RunLength,

    /// <summary>JPEG lossless, process 14 of ITU-T T.81 (PS3.5 section 8.2.1).</summary>
    JpegLossless,

    /// <summary>As they are, in fragments (PS3.5 section A.4.11).</summary>
    Fragments,

    /// <summary>JPEG, JPEG-LS or JPEG 2000, which a codec in a process of its own decodes (<see cref="CodecProcess"/>).</summary>
    Codec,

    /// <summary>In a way that is known by its name only.</summary>
    NotDecoded,
}

/// <summary>How a data set is written (PS3.5 section 10, PS3.6 annex A).</summary>
/// <param name="Uid">Identifier.</param>
/// <param name="Name">What people call it.</param>
/// <param name="IsExplicit">Whether each element states its value representation.</param>
/// <param name="IsBigEndian">Byte order of everything after the meta information.</param>
/// <param name="IsDeflated">Whether all after the meta information is deflated.</param>
/// <param name="Coding">How the pixels of a frame are written.</param>
/// <param name="IsJpeg2000">Whether that is JPEG 2000, in whatever form.</param>
internal sealed record TransferSyntax(
    string Uid,
    string Name,
    bool IsExplicit = true,
    bool IsBigEndian = false,
    bool IsDeflated = false,
    PixelCoding Coding = PixelCoding.Native,
    bool IsJpeg2000 = false
)
{
    private const string Instead =
        "send the series uncompressed, run-length encoded or as JPEG, JPEG-LS or JPEG 2000";

    public static readonly TransferSyntax ImplicitLittleEndian = new(
        "1.2.840.10008.1.2",
        "Implicit VR Little Endian",
        IsExplicit: false
    );

    public static readonly TransferSyntax ExplicitLittleEndian = new(
        "1.2.840.10008.1.2.1",
        "Explicit VR Little Endian"
    );

    private static readonly TransferSyntax ExplicitBigEndian = new(
        "1.2.840.10008.1.2.2",
        "Explicit VR Big Endian",
        IsBigEndian: true
    );

    private static readonly Dictionary<string, TransferSyntax> Known = new TransferSyntax[]
    {
        ImplicitLittleEndian,
        ExplicitLittleEndian,
        ExplicitBigEndian,
        new("1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", IsDeflated: true),
        new("1.2.840.10008.1.2.5", "RLE Lossless", Coding: PixelCoding.RunLength),
        new("1.2.840.10008.1.2.4.57", "JPEG Lossless", Coding: PixelCoding.JpegLossless),
        new("1.2.840.10008.1.2.4.70", "JPEG Lossless SV1", Coding: PixelCoding.JpegLossless),
        new(
            "1.2.840.10008.1.2.1.98",
            "Encapsulated Uncompressed Explicit VR Little Endian",
            Coding: PixelCoding.Fragments
        ),
        Codec("1.2.840.10008.1.2.4.50", "JPEG Baseline"),
        Codec("1.2.840.10008.1.2.4.51", "JPEG Extended"),
        Codec("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless"),
        Codec("1.2.840.10008.1.2.4.81", "JPEG-LS Near-Lossless"),
        Jpeg2000("1.2.840.10008.1.2.4.90", "JPEG 2000 Lossless Only"),
        Jpeg2000("1.2.840.10008.1.2.4.91", "JPEG 2000"),
        NotDecoded("1.2.840.10008.1.2.4.92", "JPEG 2000 Multi-component Lossless Only"),
        NotDecoded("1.2.840.10008.1.2.4.93", "JPEG 2000 Multi-component"),
        NotDecoded("1.2.840.10008.1.2.4.100", "MPEG2 Main Profile / Main Level"),
        NotDecoded("1.2.840.10008.1.2.4.101", "MPEG2 Main Profile / High Level"),
        NotDecoded("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile"),
        NotDecoded("1.2.840.10008.1.2.4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile"),
        NotDecoded("1.2.840.10008.1.2.4.107", "HEVC/H.265 Main Profile"),
        NotDecoded("1.2.840.10008.1.2.4.108", "HEVC/H.265 Main 10 Profile"),
        NotDecoded("1.2.840.10008.1.2.4.110", "JPEG XL Lossless"),
        NotDecoded("1.2.840.10008.1.2.4.111", "JPEG XL JPEG Recompression"),
        NotDecoded("1.2.840.10008.1.2.4.112", "JPEG XL"),
        Jpeg2000("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 Lossless Only"),
        Jpeg2000("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Lossless Only"),
        Jpeg2000("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000"),
        NotDecoded("1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression"),
    }.ToDictionary(syntax => syntax.Uid);

    /// <summary>Value representations whose length takes two bytes (PS3.5 section 7.1.2); that of all others, and of new ones, takes four.</summary>
    private static readonly HashSet<string> Short =
    [
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FD",
        "FL",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "SL",
        "SS",
        "ST",
        "TM",
        "UI",
        "UL",
        "US",
    ];

    /// <summary>The syntax of an identifier.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat: none that is known.</exception>
    public static TransferSyntax Of(string uid) =>
        Known.GetValueOrDefault(uid)
        ?? throw new VolumeException(
            VolumeFault.UnsupportedFormat,
            $"transfer syntax {Printable(uid)} is not known: {Instead}"
        );

    /// <summary>
    /// The syntax of a data set that does not say it, by its first element, which is a short one of group 8: what looks like a value representation is one.
    /// Null where no data set starts so.
    /// </summary>
    /// <param name="start">At least 8 bytes, or all there are.</param>
    public static TransferSyntax? Guess(ReadOnlySpan<byte> start) =>
        start switch
        {
            [0x08, 0x00, <= 0x18, 0x00, ..] when HasRepresentation(start) => ExplicitLittleEndian,
            [0x08, 0x00, <= 0x18, 0x00, _, _, 0, 0, ..] => ImplicitLittleEndian,
            [0x00, 0x08, 0x00, <= 0x18, ..] when HasRepresentation(start) => ExplicitBigEndian,
            _ => null,
        };

    /// <summary>Whether a value representation's length takes two bytes.</summary>
    public static bool HasShortLength(string representation) => Short.Contains(representation);

    /// <summary>Refuses a syntax whose pixels cannot be decoded.</summary>
    /// <exception cref="VolumeException">UnsupportedFormat.</exception>
    public void RequireDecoder()
    {
        if (Coding == PixelCoding.NotDecoded)
        {
            throw new VolumeException(
                VolumeFault.UnsupportedFormat,
                $"transfer syntax {Name} ({Uid}) is not decoded: {Instead}"
            );
        }
    }

    private static TransferSyntax Codec(string uid, string name) =>
        new(uid, name, Coding: PixelCoding.Codec);

    private static TransferSyntax Jpeg2000(string uid, string name) =>
        new(uid, name, Coding: PixelCoding.Codec, IsJpeg2000: true);

    private static TransferSyntax NotDecoded(string uid, string name) =>
        new(uid, name, Coding: PixelCoding.NotDecoded);

    private static bool HasRepresentation(ReadOnlySpan<byte> start) =>
        start.Length >= 8 && Short.Contains($"{(char)start[4]}{(char)start[5]}");

    /// <summary>Only what a UID may hold is ever repeated in a message.</summary>
    private static string Printable(string uid) =>
        uid.Length <= 64 && uid.All(c => char.IsAsciiDigit(c) || c == '.') ? uid : "(not a UID)";
}
