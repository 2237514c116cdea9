using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>
/// Frames of JPEG, JPEG-LS and JPEG 2000, decoded by GDCM in a process of its own with limits of memory and time: a crash there costs the series,
/// not the service. Many frames go to one process, as one multi-frame image that says nothing but how they are stored.
/// </summary>
internal sealed class CodecProcess : IDisposable
{
    private const string Program = "gdcmconv";
    private const string Package = "libgdcm-tools";
    private const string MultiFrameSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7.3";
    private const long MostBytes = 32 << 20;
    private const int MostFrames = 64;

    private readonly FileStream _file;
    private readonly DicomParser _parser;
    private readonly DicomFrames _frames;
    private readonly PixelFormat _format;
    private readonly int _count;

    /// <summary>Decodes frames.</summary>
    /// <param name="syntax">How they are coded.</param>
    /// <param name="format">What is expected.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="coded">The bytes of each, asked for one after another.</param>
    /// <exception cref="VolumeException">UnsupportedFormat: the codec is not installed; CorruptData: it failed, or something else came out.</exception>
    public CodecProcess(
        TransferSyntax syntax,
        PixelFormat format,
        int count,
        IEnumerable<Stream> coded
    )
    {
        _count = count;
        var folder = Directory.CreateTempSubdirectory("codec-");
        try
        {
            var input = Path.Combine(folder.FullName, "coded.dcm");
            var output = Path.Combine(folder.FullName, "raw.dcm");
            using (var file = File.Create(input))
            {
                Write(file, syntax, format, count, coded);
            }
            var bytes = (long)count * format.FrameBytes;
            LimitedProcess.Run(
                Program,
                Package,
                ["--raw", input, output],
                folder.FullName,
                // Decoders hold coded and decoded frames and a copy in 32 bits; of a frame at a time, but the last two.
                new(
                    AddressBytes: (512L << 20) + 8 * bytes,
                    FileBytes: (1L << 20) + 2 * bytes,
                    // JPEG 2000 takes a second for 8 MiB; some damaged ones keep a decoder busy for much longer.
                    CpuSeconds: 20 + (int)(bytes >> 19),
                    Wall: TimeSpan.FromMinutes(5)
                )
            );
            _file = File.OpenRead(output);
        }
        finally
        {
            // An open file stays until it is closed.
            folder.Delete(recursive: true);
        }
        _parser = new DicomParser(_file);
        try
        {
            _parser.ParseToPixels();
            var decoded = PixelFormat.Read(_parser.Attributes);
            Require("rows", format.Rows, decoded.Rows);
            Require("columns", format.Columns, decoded.Columns);
            Require("bits allocated", format.BitsAllocated, decoded.BitsAllocated);
            Require("frames", count, _parser.Attributes.Whole(DicomTag.NumberOfFrames) ?? 1);
            // Where the coded pixels have fewer bits than the attributes say, their uppermost one is the sign.
            _format =
                decoded.BitsStored > format.HighBit
                    ? format
                    : format with
                    {
                        BitsStored = Math.Min(format.BitsStored, decoded.BitsStored),
                        HighBit = Math.Min(format.BitsStored, decoded.BitsStored) - 1,
                    };
            _frames = new DicomFrames(_parser, format, count);
        }
        catch
        {
            _parser.Dispose();
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Frames that one process is given at most: starting it must not cost more than they do, nor may they fill the memory.</summary>
    public static int MostTogether(PixelFormat format) =>
        (int)Math.Clamp(MostBytes / format.FrameBytes, 1, MostFrames);

    /// <summary>Reads the frames, once, in the order in which they were given.</summary>
    /// <param name="buffer">Of at least two bytes a pixel: where each frame's pixels lie, little-endian, when it is <paramref name="read"/>.</param>
    /// <param name="read">Told each frame, the first 0, and how its pixels are stored.</param>
    /// <exception cref="VolumeException">CorruptData.</exception>
    public void Read(byte[] buffer, Action<int, PixelFormat> read) =>
        _frames.Read([.. Enumerable.Range(0, _count)], buffer, (n, _) => read(n, _format));

    /// <inheritdoc/>
    public void Dispose()
    {
        _frames.Dispose();
        _file.Dispose();
    }

    /// <summary>One fragment a frame, after an empty offset table (PS3.5 section A.4).</summary>
    private static void Write(
        FileStream file,
        TransferSyntax syntax,
        PixelFormat format,
        int count,
        IEnumerable<Stream> coded
    ) =>
        new DicomDataset()
            .Add(0x0008_0016, "UI", MultiFrameSecondaryCapture)
            .Add(DicomTag.SopInstanceUid, "UI", "2.25.1")
            .AddNumbers(DicomTag.SamplesPerPixel, "US", 1)
            .Add(DicomTag.PhotometricInterpretation, "CS", "MONOCHROME2")
            .Add(DicomTag.NumberOfFrames, "IS", $"{count}")
            .AddNumbers(DicomTag.Rows, "US", (uint)format.Rows)
            .AddNumbers(DicomTag.Columns, "US", (uint)format.Columns)
            .AddNumbers(DicomTag.BitsAllocated, "US", (uint)format.BitsAllocated)
            .AddNumbers(DicomTag.BitsStored, "US", (uint)format.BitsStored)
            .AddNumbers(DicomTag.HighBit, "US", (uint)format.HighBit)
            .AddNumbers(DicomTag.PixelRepresentation, "US", format.Signed ? 1u : 0)
            .AddStreamed(
                DicomTag.PixelData,
                DicomParser.Undefined,
                stream =>
                {
                    DicomDataset.Write(stream, DicomTag.Item, 0);
                    foreach (var frame in coded)
                    {
                        WriteFragment(stream, frame);
                    }
                    DicomDataset.Write(stream, DicomTag.SequenceEnd, 0);
                }
            )
            .WriteFile(file, AsCodecKnows(syntax.Uid));

    private static void WriteFragment(Stream stream, Stream frame)
    {
        var head = stream.Position;
        DicomDataset.Write(stream, DicomTag.Item, 0);
        var start = stream.Position;
        frame.CopyTo(stream);
        if ((stream.Position - start) % 2 == 1)
        {
            stream.WriteByte(0);
        }
        var end = stream.Position;
        stream.Position = head;
        DicomDataset.Write(stream, DicomTag.Item, checked((uint)(end - start)));
        stream.Position = end;
    }

    /// <summary>High-throughput JPEG 2000 (ITU-T T.814) says itself what it is: the codec decodes it under the older names.</summary>
    private static string AsCodecKnows(string uid) =>
        uid switch
        {
            "1.2.840.10008.1.2.4.201" or "1.2.840.10008.1.2.4.202" => "1.2.840.10008.1.2.4.90",
            "1.2.840.10008.1.2.4.203" => "1.2.840.10008.1.2.4.91",
            _ => uid,
        };

    private static void Require(string what, int expected, int decoded)
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
