using System.IO.Compression;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Platform.Imaging;

/// <summary>How a NIfTI file is compressed.</summary>
public enum NiftiCompression
{
    /// <summary>.nii</summary>
    None,

    /// <summary>.nii.gz: one gzip member, which every tool and browser reads.</summary>
    Gzip,

    /// <summary>.nii.zst: independent zstd frames of 1 MiB with checksums; <c>zstd -d</c> gives the plain file.</summary>
    Zstd,
}

/// <summary>
/// Writes single-file little-endian NIfTI-1 (NIfTI-2 where a dimension exceeds 32,767). The same volume always gives the same bytes: no
/// time, no name. Streams are left open.
/// </summary>
public static class NiftiWriter
{
    private const int BlockBytes = 1 << 20;
    private const int ZstdLevel = 1;

    /// <summary>Writes a volume. Floats that are all whole numbers of the int16 range are stored as int16, without loss.</summary>
    /// <typeparam name="T">float for images; byte, ushort or short for label maps, stored as they are.</typeparam>
    public static void Write<T>(
        Stream stream,
        Volume<T> volume,
        NiftiCompression compression = NiftiCompression.None
    )
        where T : unmanaged
    {
        var type = StoredType(volume.Voxels);
        var header = NiftiHeaderBytes.For(volume.Geometry, type);
        switch (compression)
        {
            case NiftiCompression.None:
                WriteBlocks(stream, header, volume.Voxels, type);
                break;
            case NiftiCompression.Gzip:
                using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
                {
                    WriteBlocks(gzip, header, volume.Voxels, type);
                }
                break;
            case NiftiCompression.Zstd:
                WriteFrames(stream, header, volume.Voxels, type);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(compression));
        }
    }

    private static NiftiType StoredType<T>(T[] voxels)
        where T : unmanaged =>
        voxels switch
        {
            byte[] => NiftiType.UInt8,
            ushort[] => NiftiType.UInt16,
            short[] => NiftiType.Int16,
            float[] floats => FitsInt16(floats) ? NiftiType.Int16 : NiftiType.Float32,
            _ => throw new NotSupportedException(
                $"volumes of {typeof(T).Name} are not written: use float, byte, ushort or short"
            ),
        };

    private static bool FitsInt16(ReadOnlySpan<float> values)
    {
        var n = 0;
        var (least, most) = (new Vector<float>(short.MinValue), new Vector<float>(short.MaxValue));
        for (; n <= values.Length - Vector<float>.Count; n += Vector<float>.Count)
        {
            var value = new Vector<float>(values[n..]);
            var fits =
                Vector.GreaterThanOrEqual(value, least)
                & Vector.LessThanOrEqual(value, most)
                & Vector.Equals(value, Vector.Truncate(value));
            if (!Vector.EqualsAll(fits, Vector<int>.AllBitsSet))
            {
                return false;
            }
        }
        for (; n < values.Length; n++)
        {
            var value = values[n];
            if (
                !(value >= short.MinValue && value <= short.MaxValue)
                || value != MathF.Truncate(value)
            )
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Little-endian bytes of voxels [from, from + count).</summary>
    private static ReadOnlySpan<byte> Block<T>(
        T[] voxels,
        int from,
        int count,
        NiftiType type,
        byte[] buffer
    )
        where T : unmanaged
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("NIfTI is written on little-endian machines");
        }
        var part = voxels.AsSpan(from, count);
        if (type == NiftiType.Int16 && typeof(T) == typeof(float))
        {
            var shorts = MemoryMarshal.Cast<byte, short>(buffer.AsSpan())[..count];
            TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<T, float>(part), shorts);
            return MemoryMarshal.AsBytes(shorts);
        }
        return MemoryMarshal.AsBytes(part);
    }

    private static void WriteBlocks<T>(Stream stream, byte[] header, T[] voxels, NiftiType type)
        where T : unmanaged
    {
        stream.Write(header);
        var buffer = new byte[BlockBytes];
        var perBlock = BlockBytes / type.Bytes();
        for (var from = 0; from < voxels.Length; from += perBlock)
        {
            stream.Write(
                Block(voxels, from, Math.Min(perBlock, voxels.Length - from), type, buffer)
            );
        }
    }

    /// <summary>The header is a frame, then each block of voxels one; blocks are compressed on all cores, a batch at a time.</summary>
    private static void WriteFrames<T>(Stream stream, byte[] header, T[] voxels, NiftiType type)
        where T : unmanaged
    {
        var perBlock = BlockBytes / type.Bytes();
        var blocks = (voxels.Length + perBlock - 1) / perBlock;
        var lanes = Math.Clamp(Environment.ProcessorCount, 1, 16);
        var frames = new byte[lanes][];
        var lengths = new int[lanes];
        var buffers = new byte[lanes][];
        var compressors = new Compressor[lanes];
        for (var lane = 0; lane < lanes; lane++)
        {
            compressors[lane] = new Compressor(ZstdLevel);
            compressors[lane].SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            frames[lane] = new byte[Compressor.GetCompressBound(BlockBytes)];
            buffers[lane] = new byte[BlockBytes];
        }
        try
        {
            stream.Write(compressors[0].Wrap(header));
            for (var batch = 0; batch < blocks; batch += lanes)
            {
                var count = Math.Min(lanes, blocks - batch);
                Parallel.For(
                    0,
                    count,
                    lane =>
                    {
                        var from = (batch + lane) * perBlock;
                        var bytes = Block(
                            voxels,
                            from,
                            Math.Min(perBlock, voxels.Length - from),
                            type,
                            buffers[lane]
                        );
                        lengths[lane] = compressors[lane].Wrap(bytes, frames[lane]);
                    }
                );
                for (var lane = 0; lane < count; lane++)
                {
                    stream.Write(frames[lane], 0, lengths[lane]);
                }
            }
        }
        finally
        {
            Array.ForEach(compressors, compressor => compressor.Dispose());
        }
    }
}
