using System.Buffers.Binary;

namespace Platform.Imaging.Tests;

/// <summary>Time series are read and written a frame at a time.</summary>
public class NiftiFramesTests
{
    private const int Frames = 5;
    private const double IntervalMs = 37.5;
    private static readonly VolumeGeometry Geometry = VolumeGeometry.Ras(
        (31, 22, 9),
        (1.4, 1.4, 8),
        (-20, -10, 5)
    );

    [Theory]
    [InlineData(NiftiCompression.None)]
    [InlineData(NiftiCompression.Gzip)]
    [InlineData(NiftiCompression.Zstd)]
    public void Frames_come_back_as_they_were_with_the_time_between_them(
        NiftiCompression compression
    )
    {
        var images = Enumerable.Range(0, Frames).Select(n => Phantoms.Noise(Geometry, n)).ToArray();
        Volume<byte>[] labels = [.. Enumerable.Range(0, Frames).Select(Labels)];
        using var stream = new OneWayStream(Bytes(images, compression));
        using var reader = new NiftiFrameReader<float>(stream);
        Assert.Equal(Frames, reader.Header.Frames);
        Assert.Equal(IntervalMs, reader.Header.FrameIntervalMs!.Value, 1e-5);
        Assert.True(reader.Header.Geometry.IsCloseTo(Geometry, 1e-5));
        foreach (var image in images)
        {
            Assert.Equal(image.Voxels, reader.Read()!.Voxels);
        }
        Assert.Null(reader.Read());
        using var again = new NiftiFrameReader<byte>(new MemoryStream(Bytes(labels, compression)));
        Assert.Equal(NiftiType.UInt8, again.Header.Type);
        Assert.Equal(
            labels.SelectMany(one => one.Voxels),
            Enumerable.Range(0, Frames).SelectMany(_ => again.Read()!.Voxels)
        );
    }

    [Fact]
    public void Whole_numbers_and_reals_may_follow_each_other()
    {
        var whole = new Volume<float>(Geometry);
        whole.Voxels[3] = 7;
        var real = new Volume<float>(Geometry);
        real.Voxels[4] = 0.25f;
        using var reader = new NiftiFrameReader<float>(
            new MemoryStream(Bytes([whole, real], NiftiCompression.Zstd))
        );
        Assert.Equal(whole.Voxels, reader.Read()!.Voxels);
        Assert.Equal(real.Voxels, reader.Read()!.Voxels);
    }

    [Fact]
    public void Nibabel_reads_shape_times_and_voxels_of_what_we_write()
    {
        using var oracle = new PythonOracle();
        var images = Enumerable.Range(0, Frames).Select(n => Phantoms.Noise(Geometry, n)).ToArray();
        File.WriteAllBytes(oracle.PathOf("t.nii.gz"), Bytes(images, NiftiCompression.Gzip));
        oracle.Run("nifti.py", "frames", "t.nii.gz");
        Assert.Equal(
            [31, 22, 9, Frames, IntervalMs / 1000],
            oracle.Numbers("t.nii.gz.shape").Select(n => Math.Round(n, 6))
        );
        Assert.Equal(images.SelectMany(image => image.Voxels), oracle.Floats("t.nii.gz.f32"));
    }

    [Theory]
    [InlineData(8, 1000.0)]
    [InlineData(16, 1.0)]
    [InlineData(24, 0.001)]
    [InlineData(0, null)]
    [InlineData(32, null)]
    public void The_time_between_frames_has_the_unit_of_the_file_or_is_unknown(
        byte unit,
        double? ms
    )
    {
        var bytes = Bytes([Labels(0), Labels(1)], NiftiCompression.None);
        bytes[123] = (byte)(2 | unit);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(92), 40);
        var header = NiftiReader.ReadHeader(new MemoryStream(bytes));
        Assert.Equal(40 * ms, header.FrameIntervalMs);
    }

    [Theory]
    [InlineData(NiftiCompression.None)]
    [InlineData(NiftiCompression.Gzip)]
    [InlineData(NiftiCompression.Zstd)]
    public void A_series_that_ends_early_is_refused_at_the_frame_where_it_does(
        NiftiCompression compression
    )
    {
        var images = Enumerable.Range(0, Frames).Select(n => Phantoms.Noise(Geometry, n)).ToArray();
        var whole = Bytes(images, compression);
        using var stream = new OneWayStream(whole[..(whole.Length / 2)]);
        using var reader = new NiftiFrameReader<float>(stream);
        Assert.Equal(images[0].Voxels, reader.Read()!.Voxels);
        Assert.Equal(images[1].Voxels, reader.Read()!.Voxels);
        var refusal = Assert.Throws<VolumeException>(() => reader.Read());
        Assert.Equal(VolumeFault.CorruptData, refusal.Fault);
        Assert.Contains("frame 3 of 5", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_frames_promised_than_can_be_held_are_refused_before_one_is_read()
    {
        var bytes = Bytes([Labels(0), Labels(1)], NiftiCompression.None);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(48), short.MaxValue);
        using var reader = new NiftiFrameReader<byte>(new MemoryStream(bytes));
        Assert.Equal(short.MaxValue, reader.Header.Frames);
        reader.Read();
        reader.Read();
        Assert.Contains(
            "frame 3 of 32767",
            Assert.Throws<VolumeException>(() => reader.Read()).Message,
            StringComparison.Ordinal
        );

        var second = new byte[544];
        BinaryPrimitives.WriteInt32LittleEndian(second, 540);
        "n+2\0\r\n\x1a\n"u8.CopyTo(second.AsSpan(4));
        BinaryPrimitives.WriteInt16LittleEndian(second.AsSpan(12), 2);
        foreach (
            var (n, value) in new long[] { 4, 100, 100, 100, long.MaxValue / 2, 1, 1, 1 }.Index()
        )
        {
            BinaryPrimitives.WriteInt64LittleEndian(second.AsSpan(16 + 8 * n), value);
            BinaryPrimitives.WriteDoubleLittleEndian(second.AsSpan(104 + 8 * n), 1);
        }
        var refusal = Assert.Throws<VolumeException>(() =>
            new NiftiFrameReader<byte>(new MemoryStream(second))
        );
        Assert.Equal(VolumeFault.TooLarge, refusal.Fault);
    }

    [Fact]
    public void A_fifth_dimension_is_no_time()
    {
        var bytes = Bytes([Labels(0), Labels(1)], NiftiCompression.None);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(40), 5);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(48), 1);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(50), 2);
        var refusal = Assert.Throws<VolumeException>(() =>
            NiftiReader.ReadHeader(new MemoryStream(bytes))
        );
        Assert.Equal(VolumeFault.NotAVolume, refusal.Fault);
        Assert.Contains("dimension 5", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Frames_that_are_missing_or_lie_elsewhere_are_the_callers_mistake()
    {
        using var writer = new NiftiFrameWriter<byte>(
            new MemoryStream(),
            2,
            null,
            NiftiCompression.None
        );
        writer.Write(Labels(0));
        Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.Throws<ArgumentException>(() =>
            writer.Write(new Volume<byte>(VolumeGeometry.Ras((31, 22, 9), (1, 1, 8))))
        );
        writer.Write(Labels(1));
        writer.Complete();
        Assert.Throws<InvalidOperationException>(() => writer.Write(Labels(2)));
    }

    private static Volume<byte> Labels(int value)
    {
        var labels = new Volume<byte>(Geometry);
        labels.Voxels.AsSpan(value * 100, 50).Fill((byte)(value + 1));
        return labels;
    }

    private static byte[] Bytes<T>(Volume<T>[] frames, NiftiCompression compression)
        where T : unmanaged
    {
        using var stream = new MemoryStream();
        using (var writer = new NiftiFrameWriter<T>(stream, frames.Length, IntervalMs, compression))
        {
            Array.ForEach(frames, writer.Write);
            writer.Complete();
        }
        return stream.ToArray();
    }
}
