using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>The instances of a series, of which the attributes have been read, and no pixels yet.</summary>
internal sealed class SeriesInstances
{
    private readonly Instance[] _instances;

    private SeriesInstances(Instance[] instances)
    {
        _instances = instances;
        Slices = [.. instances.SelectMany(instance => instance.Image.Slices)];
    }

    /// <summary>Of all instances, one after another.</summary>
    public IReadOnlyList<DicomSlice> Slices { get; }

    /// <summary>The instance of each of <see cref="Slices"/>, and which of its frames it is, from 1; null where the instance has one.</summary>
    public IEnumerable<(DicomOrigin Instance, int? Frame)> Origins =>
        _instances.SelectMany(instance =>
            instance.Image.Slices.Select(
                (slice, n) =>
                    (
                        instance.Image.Origin,
                        slice.Format == instance.Image.Format && instance.Image.Slices.Count > 1
                            ? n + 1
                            : (int?)null
                    )
            )
        );

    /// <summary>Reads and checks the attributes, on all cores.</summary>
    /// <param name="instances">Each opens one instance.</param>
    /// <exception cref="VolumeException">See the fault.</exception>
    public static SeriesInstances Read(IEnumerable<Func<Stream>> instances)
    {
        Func<Stream>[] open = [.. instances];
        var read = new Instance[open.Length];
        Run(
            open.Length,
            n =>
            {
                using var stream = open[n]();
                read[n] = new(open[n], DicomImage.Read(stream));
            }
        );
        return new SeriesInstances(Distinct(read));
    }

    /// <summary>Of instances that were sent more than once, the first.</summary>
    private static Instance[] Distinct(Instance[] instances)
    {
        var distinct = new List<Instance>();
        foreach (var same in instances.GroupBy(instance => instance.Image.Origin.SopInstanceUid))
        {
            distinct.AddRange(same.Key == "" ? same : same.Take(1));
            if (same.Key != "" && same.Skip(1).Any(other => !AreEqual(same.First(), other)))
            {
                throw new VolumeException(
                    VolumeFault.CorruptData,
                    $"{same.Count()} instances have one SOPInstanceUID and are not the same: send each instance once"
                );
            }
        }
        return [.. distinct];
    }

    private static bool AreEqual(Instance one, Instance other)
    {
        using var first = one.Open();
        using var second = other.Open();
        Span<byte> bytes = stackalloc byte[4096];
        Span<byte> others = stackalloc byte[4096];
        while (true)
        {
            var got = first.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            var also = second.ReadAtLeast(others, others.Length, throwOnEndOfStream: false);
            if (!bytes[..got].SequenceEqual(others[..also]))
            {
                return false;
            }
            if (got < bytes.Length)
            {
                return true;
            }
        }
    }

    /// <summary>Reads the pixels of some slices, on all cores; only instances that have one of them are opened.</summary>
    /// <param name="order">Which slice each k is.</param>
    /// <param name="geometry">The grid they make.</param>
    /// <exception cref="VolumeException">CorruptData, TooLarge or UnsupportedFormat.</exception>
    public Volume<float> ReadVolume(IReadOnlyList<int> order, VolumeGeometry geometry)
    {
        var voxels = GC.AllocateUninitializedArray<float>((int)geometry.VoxelCount);
        var pixels = geometry.Shape.I * geometry.Shape.J;
        var parts = Parts(order, place => voxels.AsMemory(place * pixels, pixels));
        var most = _instances.Max(instance => instance.Image.Format.Pixels);
        using var buffers = new ThreadLocal<byte[]>(() => new byte[2 * most]);
        Run(parts.Count, n => Read(parts[n], buffers.Value!));
        if (order.Any(slice => Slices[slice].Format.Padding is not null))
        {
            FillPadding(voxels);
        }
        return new Volume<float>(geometry, voxels);
    }

    /// <summary>What is read at a time: an instance, or several of one frame that go to the codec together.</summary>
    private List<Wanted[]> Parts(IReadOnlyList<int> order, Func<int, Memory<float>> target)
    {
        var places = Enumerable.Repeat(-1, Slices.Count).ToArray();
        foreach (var (k, slice) in order.Index())
        {
            places[slice] = k;
        }
        var (alone, together) = (new List<Wanted[]>(), new List<Wanted>());
        var first = 0;
        foreach (var instance in _instances)
        {
            var (start, count) = (first, instance.Image.Slices.Count);
            first += count;
            if (places.AsSpan(start, count).IndexOfAnyExcept(-1) < 0)
            {
                continue;
            }
            int[] slices = [.. Enumerable.Range(0, count).Where(n => places[start + n] >= 0)];
            var wanted = new Wanted(instance, slices, slice => target(places[start + slice]));
            if (
                count == 1
                && slices.Length == 1
                && instance.Image.Syntax.Coding == PixelCoding.Codec
            )
            {
                together.Add(wanted);
            }
            else
            {
                alone.Add([wanted]);
            }
        }
        foreach (
            var alike in together.GroupBy(one =>
                (one.Instance.Image.Syntax, one.Instance.Image.Format)
            )
        )
        {
            var each = (alike.Count() - 1) / Environment.ProcessorCount + 1;
            alone.AddRange(
                alike.Chunk(Math.Min(each, CodecProcess.MostTogether(alike.Key.Format)))
            );
        }
        return alone;
    }

    private static void Read(Wanted[] part, byte[] buffer)
    {
        if (part is [var only])
        {
            using var stream = only.Instance.Open();
            only.Instance.Image.ReadValues(stream, only.Slices, only.Target, buffer);
            return;
        }
        var (syntax, format) = (part[0].Instance.Image.Syntax, part[0].Instance.Image.Format);
        CodecProcess.Decode(
            syntax,
            format,
            part.Length,
            part.SelectMany(Coded),
            buffer,
            (n, stored) =>
                part[n].Instance.Image.Slices[0].ToValues(buffer, stored, part[n].Target(0).Span)
        );
    }

    /// <summary>The coded frame of an instance, which is open until the next is asked for.</summary>
    private static IEnumerable<Stream> Coded(Wanted wanted)
    {
        using var stream = wanted.Instance.Open();
        using var frames = wanted.Instance.Image.Pixels(stream);
        yield return frames.Coded(0);
    }

    /// <summary>Padding, read as NaN, gets the lowest value there is; 0 where there is none.</summary>
    private static void FillPadding(Span<float> voxels)
    {
        var lowest = float.PositiveInfinity;
        foreach (var voxel in voxels)
        {
            lowest = voxel < lowest ? voxel : lowest;
        }
        lowest = float.IsFinite(lowest) ? lowest : 0;
        foreach (ref var voxel in voxels)
        {
            voxel = float.IsNaN(voxel) ? lowest : voxel;
        }
    }

    /// <summary>On all cores; of several refusals the first is thrown as it was.</summary>
    private static void Run(int count, Action<int> body)
    {
        try
        {
            Parallel.For(0, count, body);
        }
        catch (AggregateException several)
            when (several.InnerExceptions.OfType<VolumeException>().FirstOrDefault() is { } refusal)
        {
            throw new VolumeException(refusal.Fault, refusal.Message, refusal);
        }
    }

    private sealed record Instance(Func<Stream> Open, DicomImage Image);

    /// <summary>Slices of an instance, and where the values of each go.</summary>
    private sealed record Wanted(
        Instance Instance,
        IReadOnlyList<int> Slices,
        Func<int, Memory<float>> Target
    );
}
