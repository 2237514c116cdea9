using System.Buffers.Binary;
using System.IO.Compression;
using CsCheck;

namespace Platform.Imaging.Tests;

public class NiftiRefusalTests
{
    private static readonly VolumeGeometry Geometry = VolumeGeometry.Ras((40, 30, 20), (1, 1, 2));

    [Theory]
    [InlineData(NiftiCompression.None)]
    [InlineData(NiftiCompression.Gzip)]
    [InlineData(NiftiCompression.Zstd)]
    public void A_truncated_file_is_refused_wherever_it_ends(NiftiCompression compression)
    {
        var whole = File(Phantoms.Noise(Geometry, 1), compression);
        foreach (
            var length in new[] { 0, 3, 4, 100, 352, 1000, whole.Length / 2, whole.Length - 1 }
        )
        {
            Refused(VolumeFault.CorruptData, whole[..Math.Min(length, whole.Length - 1)]);
            Refused(VolumeFault.CorruptData, whole[..length], seekable: false);
        }
    }

    [Theory]
    [InlineData(NiftiCompression.Gzip)]
    [InlineData(NiftiCompression.Zstd)]
    public void A_flipped_bit_fails_the_checksum(NiftiCompression compression)
    {
        var random = new Random(1);
        var whole = File(Phantoms.Noise(Geometry, 1), compression);
        for (var n = 0; n < 40; n++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[random.Next(400, whole.Length)] ^= (byte)(1 << random.Next(8));
            Refused(VolumeFault.CorruptData, damaged);
        }
    }

    [Fact]
    public void More_voxels_promised_than_held_names_both_counts()
    {
        var bytes = File(new Volume<byte>(Geometry));
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(46), 25);
        foreach (var file in new[] { bytes, Gzip(bytes) })
        {
            var refusal = Refused(VolumeFault.CorruptData, file);
            Assert.Contains("30000 voxels", refusal.Message, StringComparison.Ordinal);
            Assert.Contains("24000", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_billion_voxels_are_refused_before_anything_is_allocated()
    {
        var bytes = File(new Volume<byte>(Geometry));
        for (var n = 0; n < 3; n++)
        {
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(42 + 2 * n), 1000);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refused(VolumeFault.TooLarge, bytes);
        Refused(VolumeFault.TooLarge, Gzip(bytes));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_gigabyte_promised_by_a_small_file_is_refused_before_anything_is_allocated()
    {
        var bytes = File(new Volume<byte>(Geometry));
        for (var n = 0; n < 3; n++)
        {
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(42 + 2 * n), 800);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refused(VolumeFault.CorruptData, bytes);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Nan_and_infinite_voxels_are_refused_with_their_count_unless_allowed()
    {
        var image = Phantoms.Noise(Geometry, 1);
        (image.Voxels[7], image.Voxels[9], image.Voxels[20000]) = (
            float.NaN,
            float.NegativeInfinity,
            float.NaN
        );
        var refusal = Refused(VolumeFault.BadVoxels, File(image));
        Assert.Contains("3 of 24000", refusal.Message, StringComparison.Ordinal);
        var read = NiftiReader.ReadImage(
            new MemoryStream(File(image)),
            new NiftiReadOptions { AllowNonFinite = true }
        );
        Assert.Equal(image.Voxels, read.Voxels);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Spacing_that_is_not_above_zero_is_refused(float spacing)
    {
        var bytes = File(new Volume<byte>(Geometry));
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(84), spacing);
        Refused(VolumeFault.BadGeometry, bytes);
    }

    [Fact]
    public void A_singular_or_non_finite_affine_is_refused()
    {
        var bytes = File(new Volume<byte>(Geometry));
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(280), 0);
        Refused(VolumeFault.BadGeometry, bytes);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(280), float.NaN);
        Refused(VolumeFault.BadGeometry, bytes);
    }

    [Fact]
    public void A_4d_image_is_refused_unless_a_frame_is_chosen()
    {
        var one = File(new Volume<byte>(Geometry));
        var bytes = new byte[352 + 3 * 24000];
        one.CopyTo(bytes, 0);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(40), 4);
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(48), 3);
        bytes.AsSpan(352 + 2 * 24000).Fill(9);
        var refusal = Refused(VolumeFault.NotAVolume, bytes);
        Assert.Contains("3 frames", refusal.Message, StringComparison.Ordinal);
        foreach (var file in new[] { bytes, Gzip(bytes) })
        {
            var last = NiftiReader.ReadLabels(new MemoryStream(file), new() { Frame = 2 });
            Assert.All(last.Voxels, voxel => Assert.Equal(9, voxel));
            Assert.Throws<VolumeException>(() =>
                NiftiReader.ReadLabels(new MemoryStream(file), new() { Frame = 3 })
            );
        }
    }

    [Fact]
    public void Trailing_dimensions_of_one_are_a_3d_volume_and_two_dimensions_are_not()
    {
        var bytes = File(new Volume<byte>(Geometry));
        bytes[40] = 5;
        Assert.Equal(
            Geometry.Shape,
            NiftiReader.ReadLabels(new MemoryStream(bytes)).Geometry.Shape
        );
        bytes[40] = 2;
        Refused(VolumeFault.NotAVolume, bytes);
    }

    [Fact]
    public void A_label_that_does_not_fit_is_named()
    {
        var labels = new Volume<ushort>(Geometry);
        labels.Voxels[100] = 1035;
        var bytes = File(labels);
        var refusal = Assert.Throws<VolumeException>(() =>
            NiftiReader.ReadLabels(new MemoryStream(bytes))
        );
        Assert.Equal(VolumeFault.BadVoxels, refusal.Fault);
        Assert.Contains("1035", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(labels.Voxels, NiftiReader.Read<ushort>(new MemoryStream(bytes)).Voxels);
    }

    [Fact]
    public void Other_formats_and_data_types_are_named_as_unsupported()
    {
        Refused(VolumeFault.UnsupportedFormat, new byte[4000]);
        Refused(VolumeFault.UnsupportedFormat, Gzip(new byte[4000]));
        var complex = File(new Volume<byte>(Geometry));
        complex[70] = 32;
        Refused(VolumeFault.UnsupportedFormat, complex);
        var pair = File(new Volume<byte>(Geometry));
        "ni1\0"u8.CopyTo(pair.AsSpan(344));
        Refused(VolumeFault.UnsupportedFormat, pair);
    }

    [Fact]
    public void Any_damaged_header_gives_a_volume_or_a_refusal_and_nothing_else()
    {
        var whole = File(Phantoms.Noise(VolumeGeometry.Ras((5, 4, 3), (1, 1, 1)), 1));
        Gen.Select(Gen.Int[0, 351], Gen.Byte)
            .Array[1, 12]
            .Sample(
                changes =>
                {
                    var damaged = (byte[])whole.Clone();
                    foreach (var (at, value) in changes)
                    {
                        damaged[at] = value;
                    }
                    try
                    {
                        NiftiReader.ReadImage(
                            new MemoryStream(damaged),
                            new NiftiReadOptions { MaxVoxels = 1 << 20 }
                        );
                    }
                    catch (VolumeException) { }
                },
                iter: 20000
            );
    }

    private static VolumeException Refused(VolumeFault fault, byte[] bytes, bool seekable = true)
    {
        using Stream stream = seekable
            ? new MemoryStream(bytes)
            : new BufferedStream(new OneWayStream(bytes));
        var refusal = Assert.Throws<VolumeException>(() => NiftiReader.ReadImage(stream));
        Assert.Equal(fault, refusal.Fault);
        return refusal;
    }

    private static byte[] File<T>(
        Volume<T> volume,
        NiftiCompression compression = NiftiCompression.None
    )
        where T : unmanaged
    {
        using var stream = new MemoryStream();
        NiftiWriter.Write(stream, volume, compression);
        return stream.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }
        return stream.ToArray();
    }
}
