using System.IO.Compression;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Platform.Imaging;

/// <summary>
/// Writes a NIfTI file frame by frame: a time series (4D) is never held whole, and one frame makes a 3D image. What <see cref="NiftiWriter"/> says of the
/// format holds. The stream is left open.
/// </summary>
/// <typeparam name="T">
/// float for images: stored as float32, one frame alone as int16 where all its values are whole numbers of that range; byte, ushort or short for label
/// maps, stored as they are.
/// </typeparam>
/// <param name="stream">Where the file goes.</param>
/// <param name="frames">How many there will be, at least 1.</param>
/// <param name="intervalMs">From one frame to the next, ms; null where it is not known.</param>
/// <param name="compression">Of the file.</param>
public sealed class NiftiFrameWriter<T>(
    Stream stream,
    int frames,
    double? intervalMs,
    NiftiCompression compression
) : IDisposable
    where T : unmanaged
{
    private const int BlockBytes = 1 << 20;
    private const int ZstdLevel = 1;

    private readonly GZipStream? _gzip =
        compression == NiftiCompression.Gzip
            ? new(stream, CompressionLevel.Fastest, leaveOpen: true)
            : null;

    // The one half is written while the other is filled.
    private readonly Lane[][] _lanes = [Lanes(compression), Lanes(compression)];

    private VolumeGeometry? _geometry;
    private NiftiType _type;
    private int _written;

    /// <summary>Writes the next frame.</summary>
    /// <exception cref="ArgumentException">It lies on another grid than the first.</exception>
    /// <exception cref="InvalidOperationException">All frames are written.</exception>
    public void Write(Volume<T> frame)
    {
        if (_written == frames)
        {
            throw new InvalidOperationException($"all {frames} frames are written");
        }
        if (_geometry is null)
        {
            _geometry = frame.Geometry;
            _type = StoredType(frame.Voxels);
            WriteHeader(NiftiHeaderBytes.For(_geometry, _type, frames, intervalMs));
        }
        else if (
            frame.Geometry.Shape != _geometry.Shape
            || !frame.Geometry.IsCloseTo(_geometry, 1e-3)
        )
        {
            throw new ArgumentException(
                $"frame {_written + 1} lies on another grid than the first",
                nameof(frame)
            );
        }
        WriteVoxels(frame.Voxels);
        _written++;
    }

    /// <summary>Ends the file.</summary>
    /// <exception cref="InvalidOperationException">Frames are missing.</exception>
    public void Complete()
    {
        if (_written < frames)
        {
            throw new InvalidOperationException($"{_written} of {frames} frames are written");
        }
        _gzip?.Dispose();
    }

    /// <summary>Releases what compresses; a file that is not <see cref="Complete">completed</see> stays incomplete.</summary>
    public void Dispose()
    {
        foreach (var lane in _lanes.SelectMany(half => half))
        {
            lane.Compressor?.Dispose();
        }
        _gzip?.Dispose();
    }

    private NiftiType StoredType(T[] voxels) =>
        voxels switch
        {
            byte[] => NiftiType.UInt8,
            ushort[] => NiftiType.UInt16,
            short[] => NiftiType.Int16,
            // Of several frames the later ones are not known yet.
            float[] floats => frames == 1 && FitsInt16(floats)
                ? NiftiType.Int16
                : NiftiType.Float32,
            _ => throw new NotSupportedException(
                $"volumes of {typeof(T).Name} are not written: use float, byte, ushort or short"
            ),
        };

    /// <summary>Looks on all cores, until one finds a value that does not.</summary>
    private static bool FitsInt16(float[] values) =>
        Parallel
            .For(
                0,
                (values.Length + BlockBytes - 1) / BlockBytes,
                (block, loop) =>
                {
                    var from = block * BlockBytes;
                    if (!FitsInt16(values.AsSpan(from, Math.Min(BlockBytes, values.Length - from))))
                    {
                        loop.Stop();
                    }
                }
            )
            .IsCompleted;

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

    private void WriteHeader(byte[] header) =>
        (_gzip ?? stream).Write(
            _lanes[0][0].Compressor is { } compressor ? compressor.Wrap(header) : header
        );

    /// <summary>Voxels as they lie in memory need nothing but writing; others are made bytes, each block a zstd frame of its own, on all cores.</summary>
    private void WriteVoxels(T[] voxels)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("NIfTI is written on little-endian machines");
        }
        var perBlock = BlockBytes / _type.Bytes();
        var blocks = (voxels.Length + perBlock - 1) / perBlock;
        if (!IsConverted && compression != NiftiCompression.Zstd)
        {
            for (var block = 0; block < blocks; block++)
            {
                (_gzip ?? stream).Write(MemoryMarshal.AsBytes(Part(block)));
            }
            return;
        }
        var written = Task.CompletedTask;
        for (var (batch, turn) = (0, 0); batch < blocks; turn = 1 - turn)
        {
            var (first, lanes) = (batch, _lanes[turn]);
            var count = Math.Min(lanes.Length, blocks - batch);
            Parallel.For(0, count, n => Fill(lanes[n], Part(first + n)));
            written.GetAwaiter().GetResult();
            written = Task.Run(() => WriteAll(lanes.AsSpan(0, count)));
            batch += count;
        }
        written.GetAwaiter().GetResult();

        Span<T> Part(int block) =>
            voxels.AsSpan(block * perBlock, Math.Min(perBlock, voxels.Length - block * perBlock));
    }

    private bool IsConverted => _type == NiftiType.Int16 && typeof(T) == typeof(float);

    private void Fill(Lane lane, ReadOnlySpan<T> voxels)
    {
        var bytes = MemoryMarshal.AsBytes(voxels);
        if (IsConverted)
        {
            var shorts = MemoryMarshal.Cast<byte, short>(lane.Block.AsSpan())[..voxels.Length];
            TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<T, float>(voxels), shorts);
            bytes = MemoryMarshal.AsBytes(shorts);
        }
        (lane.Output, lane.Length) = lane.Compressor is { } compressor
            ? (lane.Compressed, compressor.Wrap(bytes, lane.Compressed))
            : (lane.Block, bytes.Length);
    }

    private void WriteAll(ReadOnlySpan<Lane> lanes)
    {
        foreach (var lane in lanes)
        {
            (_gzip ?? stream).Write(lane.Output, 0, lane.Length);
        }
    }

    private static Lane[] Lanes(NiftiCompression compression) =>
        [
            .. Enumerable
                .Range(
                    0,
                    compression == NiftiCompression.Zstd
                        ? Math.Clamp(Environment.ProcessorCount, 1, 16)
                        : 1
                )
                .Select(_ => new Lane(compression)),
        ];

    /// <summary>What one core needs to compress a block.</summary>
    private sealed class Lane
    {
        public Lane(NiftiCompression compression)
        {
            if (compression == NiftiCompression.Zstd)
            {
                Compressor = new Compressor(ZstdLevel);
                Compressor.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
                Compressed = new byte[Compressor.GetCompressBound(BlockBytes)];
            }
        }

        public Compressor? Compressor { get; }

        public byte[] Block { get; } = new byte[BlockBytes];

        public byte[] Compressed { get; } = [];

        /// <summary>Which of the two is to be written.</summary>
        public byte[] Output { get; set; } = [];

        public int Length { get; set; }
    }
}
