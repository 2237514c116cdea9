using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>JPEG and JPEG-LS, decoded by GDCM: all frames as one multi-frame image that says nothing but how they are stored.</summary>
internal static class GdcmCodec
{
    private const string Program = "gdcmconv";
    private const string Package = "libgdcm-tools";
    private const string MultiFrameSecondaryCapture = "1.2.840.10008.5.1.4.1.1.7.3";

    /// <summary>As <see cref="CodecProcess.Decode"/>.</summary>
    /// <param name="folder">An empty one.</param>
    /// <param name="limits">Of the process.</param>
    /// <param name="syntax">How they are coded.</param>
    /// <param name="format">What is expected.</param>
    /// <param name="count">How many frames there are.</param>
    /// <param name="coded">The bytes of each, asked for one after another.</param>
    /// <param name="buffer">Where each frame's pixels lie when it is <paramref name="read"/>.</param>
    /// <param name="read">Told each frame, and how its pixels are stored.</param>
    public static void Decode(
        string folder,
        ProcessLimits limits,
        TransferSyntax syntax,
        PixelFormat format,
        int count,
        IEnumerable<Stream> coded,
        byte[] buffer,
        Action<int, PixelFormat> read
    )
    {
        var input = Path.Combine(folder, "coded.dcm");
        var output = Path.Combine(folder, "raw.dcm");
        using (var file = File.Create(input))
        {
            Write(file, syntax, format, count, coded);
        }
        LimitedProcess.Run(Program, Package, ["--raw", input, output], folder, limits);
        using var decoded = File.OpenRead(output);
        using var parser = new DicomParser(decoded);
        parser.ParseToPixels();
        var found = PixelFormat.Read(parser.Attributes);
        CodecProcess.Require("rows", format.Rows, found.Rows);
        CodecProcess.Require("columns", format.Columns, found.Columns);
        CodecProcess.Require("bits allocated", format.BitsAllocated, found.BitsAllocated);
        CodecProcess.Require(
            "frames",
            count,
            parser.Attributes.Whole(DicomTag.NumberOfFrames) ?? 1
        );
        var stored = CodecProcess.Stored(format, found.BitsStored);
        using var frames = new DicomFrames(parser, format, count);
        frames.Read([.. Enumerable.Range(0, count)], buffer, (n, _) => read(n, stored));
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
            .WriteFile(file, syntax.Uid);

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
}
