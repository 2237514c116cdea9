using System.Buffers.Binary;
using System.IO.Compression;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Ingest.Tests;

/// <summary>NIfTI files, good and broken in every way the issue lists.</summary>
internal static class Scans
{
    /// <summary>A plain .nii of noise.</summary>
    public static byte[] Plain(
        (int I, int J, int K) shape,
        (double I, double J, double K) spacing,
        int seed = 1
    ) => Bytes(Noise(VolumeGeometry.Ras(shape, spacing), seed), NiftiCompression.None);

    /// <summary>20×24×16 voxels of 8 mm: small, with the field of view of a head.</summary>
    public static byte[] Head(int seed = 1) => Plain((20, 24, 20), (8, 8, 8), seed);

    /// <summary>A plain 4D .nii of noise, 40 ms from frame to frame.</summary>
    public static byte[] TimeSeries(
        int frames,
        (int I, int J, int K) shape,
        (double I, double J, double K) spacing
    ) =>
        TimeSeries([
            .. Enumerable
                .Range(0, frames)
                .Select(n => Noise(VolumeGeometry.Ras(shape, spacing), n)),
        ]);

    public static byte[] TimeSeries(IReadOnlyList<Volume<float>> frames)
    {
        using var stream = new MemoryStream();
        using var writer = new NiftiFrameWriter<float>(
            stream,
            frames.Count,
            40,
            NiftiCompression.None
        );
        foreach (var frame in frames)
        {
            writer.Write(frame);
        }
        writer.Complete();
        return stream.ToArray();
    }

    public static Volume<float> Noise(VolumeGeometry geometry, int seed)
    {
        var random = new Random(seed);
        var volume = new Volume<float>(geometry);
        foreach (ref var voxel in volume.Voxels.AsSpan())
        {
            voxel = (float)(random.NextDouble() * 1000);
        }
        return volume;
    }

    public static byte[] Bytes(Volume<float> volume, NiftiCompression compression)
    {
        using var stream = new MemoryStream();
        NiftiWriter.Write(stream, volume, compression);
        return stream.ToArray();
    }

    public static byte[] Gzip(byte[] plain)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
        {
            gzip.Write(plain);
        }
        return stream.ToArray();
    }

    public static byte[] TruncatedGzip() => Gzip(Head())[..20_000];

    public static byte[] PromisesMoreVoxels() => Head()[..^1000];

    public static byte[] WithNaN()
    {
        var volume = Noise(VolumeGeometry.Ras((20, 24, 20), (8, 8, 8)), 1);
        volume.Voxels[7] = float.NaN;
        return Bytes(volume, NiftiCompression.None);
    }

    public static byte[] Constant() =>
        Bytes(
            new Volume<float>(VolumeGeometry.Ras((20, 24, 20), (8, 8, 8))),
            NiftiCompression.None
        );

    /// <summary>Spacing along i as stated by pixdim, with neither sform nor qform.</summary>
    public static byte[] WithSpacing(float mm)
    {
        var bytes = Head();
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(80), mm);
        bytes.AsSpan(252, 4).Clear();
        return bytes;
    }

    /// <summary>An sform whose rows are linearly dependent.</summary>
    public static byte[] WithSingularAffine()
    {
        var bytes = Head();
        bytes.AsSpan(280, 16).CopyTo(bytes.AsSpan(296));
        return bytes;
    }

    public static byte[] OneSlice() => Plain((200, 200, 1), (1, 1, 5));

    /// <summary>Two frames of half the slices.</summary>
    public static byte[] FourDimensional()
    {
        var bytes = Head();
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(40), 4);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(46), 10);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(48), 2);
        return bytes;
    }

    /// <summary>1000×1000×1000 promised, a few kilobytes sent.</summary>
    public static byte[] BillionVoxels()
    {
        var bytes = Head();
        for (var axis = 0; axis < 3; axis++)
        {
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(42 + 2 * axis), 1000);
        }
        return Gzip(bytes);
    }

    /// <summary>A head as a DICOM series of 20 axial slices of 8 mm, one file each.</summary>
    public static byte[][] DicomHead(
        int seed = 1,
        string? patientName = null,
        string transferSyntax = "1.2.840.10008.1.2.1",
        bool isBare = false,
        int? echo = null,
        int? triggerTime = null
    )
    {
        var random = new Random(seed);
        return
        [
            .. Enumerable
                .Range(0, 20)
                .Select(k =>
                    new DicomSliceFile
                    {
                        TransferSyntax = transferSyntax,
                        IsBare = isBare,
                        StudyInstanceUid = "1.2.826.0.1.17",
                        SeriesInstanceUid = $"1.2.826.0.1.17.{seed}",
                        SopInstanceUid =
                            $"1.2.826.0.1.17.{seed}.{echo ?? 0}.{triggerTime ?? 0}.{k}",
                        Manufacturer = "ACME",
                        ManufacturerModelName = "Vision 3T",
                        PatientName = patientName,
                        Elements =
                        [
                            .. Number(0x0018_0081, echo),
                            .. Number(0x0018_1060, triggerTime),
                        ],
                        Rows = 24,
                        Columns = 20,
                        PixelSpacing = "8\\8",
                        Position = [-80, -95, 8 * k],
                        Pixels = [.. Enumerable.Range(0, 480).Select(_ => random.Next(1000))],
                    }.ToBytes()
                ),
        ];
    }

    private static IEnumerable<(uint Tag, string Vr, byte[] Value)> Number(uint tag, int? value) =>
        value is null ? [] : [(tag, "DS", DicomSliceFile.Words($"{value}"))];
}
