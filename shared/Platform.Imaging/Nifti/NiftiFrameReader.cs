namespace Platform.Imaging;

/// <summary>
/// Reads the frames of a NIfTI file one after another, each as a volume: a time series (4D) is never held whole, and a 3D image is a series of one frame.
/// Formats, conversion and refusals as <see cref="NiftiReader"/>; the stream need not seek and is left open.
/// </summary>
/// <typeparam name="T">float for images; byte, ushort or short for label maps, where values that T cannot hold are refused.</typeparam>
public sealed class NiftiFrameReader<T> : IDisposable
    where T : unmanaged
{
    private const int SlabBytes = 1 << 18;

    // zstd can say 128 KiB of one byte in a block of 4 bytes; deflate expands 1,032 times at most.
    private const long MostExpansion = 1 << 15;

    private readonly Stream _stream;
    private readonly Stream _payload;
    private readonly bool _compressed;
    private readonly bool _allowNonFinite;
    private readonly byte[] _slab = new byte[SlabBytes];
    private long _next;
    private long _pending;

    /// <summary>Reads and checks the header.</summary>
    /// <param name="stream">The file, from its start.</param>
    /// <param name="options">Limits of a frame; which frame is of no meaning here.</param>
    /// <exception cref="VolumeException">UnsupportedFormat, CorruptData, TooLarge, BadGeometry or NotAVolume.</exception>
    public NiftiFrameReader(Stream stream, NiftiReadOptions? options = null)
    {
        var limits = options ?? NiftiReadOptions.Default;
        (Header, _payload, _compressed) = NiftiReader.Guard(() => NiftiReader.Open(stream));
        (_stream, _allowNonFinite) = (stream, limits.AllowNonFinite);
        _pending =
            Header.VoxelOffset - (Header.Version == 1 ? VolumeHeader.Bytes1 : VolumeHeader.Bytes2);
        if (Header.Geometry.VoxelCount > Math.Min(limits.MaxVoxels, Array.MaxLength))
        {
            Dispose();
            throw new VolumeException(
                VolumeFault.TooLarge,
                $"the header promises {Header.Geometry.VoxelCount} voxels, the limit is {limits.MaxVoxels}"
            );
        }
    }

    /// <summary>What the file says of itself.</summary>
    public VolumeHeader Header { get; }

    /// <summary>Reads the next frame; null after the last.</summary>
    /// <exception cref="VolumeException">CorruptData where the file ends early or is damaged, BadVoxels.</exception>
    public Volume<T>? Read()
    {
        if (_next >= Header.Frames)
        {
            return null;
        }
        CheckLength();
        var voxels = GC.AllocateUninitializedArray<T>(checked((int)Header.Geometry.VoxelCount));
        var converter = new VoxelConverter<T>(Header);
        var size = Header.Type.Bytes();
        var done = 0;
        try
        {
            PassPending();
            while (done < voxels.Length)
            {
                var count = Math.Min(SlabBytes / size, voxels.Length - done);
                var bytes = _slab.AsSpan(0, count * size);
                var got = _payload.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
                if (got < bytes.Length)
                {
                    throw Short(done + got / size);
                }
                converter.Convert(bytes, voxels.AsSpan(done, count));
                done += count;
            }
            if (_compressed && _next == Header.Frames - 1)
            {
                // The checksum of a compressed stream is verified at its end, so read on to it.
                _payload.ReadAtLeast(_slab, _slab.Length, throwOnEndOfStream: false);
            }
        }
        catch (Exception inner) when (NiftiReader.IsDamage(inner))
        {
            throw new VolumeException(
                VolumeFault.CorruptData,
                $"the compressed stream is damaged or truncated after {done} of {voxels.Length} voxels{OfFrame}",
                inner
            );
        }
        if (converter.NonFinite > 0 && !_allowNonFinite)
        {
            throw new VolumeException(
                VolumeFault.BadVoxels,
                $"{converter.NonFinite} of {voxels.Length} voxels{OfFrame} are NaN or infinite"
            );
        }
        _next++;
        return new Volume<T>(Header.Geometry, voxels);
    }

    /// <summary>Passes over frames.</summary>
    internal void Skip(long frames)
    {
        _pending += frames * Header.FrameBytes;
        _next += frames;
    }

    /// <summary>The stream stays open.</summary>
    public void Dispose()
    {
        if (_compressed)
        {
            _payload.Dispose();
        }
    }

    /// <summary>Refuses what cannot be there before memory is taken, where the stream knows its length.</summary>
    private void CheckLength()
    {
        if (!_stream.CanSeek)
        {
            return;
        }
        var before = Header.VoxelOffset + _next * Header.FrameBytes;
        var held = _compressed ? _stream.Length * MostExpansion - before : _stream.Length - before;
        if (held < Header.FrameBytes)
        {
            throw Short(
                Math.Max(held, 0) / Header.Type.Bytes(),
                _compressed ? "cannot hold more than" : "ends after"
            );
        }
    }

    private void PassPending()
    {
        while (_pending > 0)
        {
            var got = _payload.Read(_slab, 0, (int)Math.Min(_pending, _slab.Length));
            if (got == 0)
            {
                throw Short(0);
            }
            _pending -= got;
        }
    }

    private VolumeException Short(long held, string how = "ends after") =>
        new(
            VolumeFault.CorruptData,
            $"the header promises {Header.Geometry.VoxelCount} voxels of {Header.Type.Bytes()} bytes{OfFrame}, the stream {how} {held}"
        );

    private string OfFrame => Header.Frames > 1 ? $" in frame {_next + 1} of {Header.Frames}" : "";
}
