using CsCheck;

namespace Platform.Imaging.Tests;

public class NiftiRoundTripTests
{
    private static readonly VolumeGeometry Geometry = VolumeGeometry.Ras(
        (211, 190, 61),
        (0.9, 0.9, 3),
        (-90, -100, -40)
    );

    [Theory]
    [InlineData(NiftiCompression.None)]
    [InlineData(NiftiCompression.Gzip)]
    [InlineData(NiftiCompression.Zstd)]
    public void A_volume_comes_back_as_it_was_and_its_bytes_are_the_same_each_time(
        NiftiCompression compression
    )
    {
        var random = new Random(1);
        var image = new Volume<float>(Geometry);
        var labels = new Volume<byte>(Geometry);
        for (var n = 0; n < image.Voxels.Length; n++)
        {
            image.Voxels[n] = random.Next(3000) - 1000;
            labels.Voxels[n] = (byte)(n / 4000);
        }
        var bytes = Bytes(image, compression);
        Assert.Equal(bytes, Bytes(image, compression));
        var header = NiftiReader.ReadHeader(new MemoryStream(bytes));
        Assert.Equal(NiftiType.Int16, header.Type);
        var again = NiftiReader.ReadImage(new MemoryStream(bytes));
        Assert.True(again.Geometry.IsCloseTo(Geometry, 1e-5));
        Assert.Equal(image.Voxels, again.Voxels);

        image.Voxels[5] = 0.5f;
        bytes = Bytes(image, compression);
        Assert.Equal(NiftiType.Float32, NiftiReader.ReadHeader(new MemoryStream(bytes)).Type);
        Assert.Equal(image.Voxels, NiftiReader.ReadImage(new MemoryStream(bytes)).Voxels);
        Assert.Equal(
            labels.Voxels,
            NiftiReader.ReadLabels(new MemoryStream(Bytes(labels, compression))).Voxels
        );
    }

    [Fact]
    public void Any_rotation_written_as_quaternion_is_read_back_to_the_precision_of_a_float_quaternion() =>
        Gen.Select(
                Gen.Double[-1, 1].Array[4],
                Gen.Double[0.2, 10].Array[3],
                Gen.Double[-300, 300].Array[3],
                Gen.Bool
            )
            .Where(g => g.Item1.Sum(v => v * v) > 0.01)
            .Sample(
                (q, spacing, origin, mirrored) =>
                {
                    var geometry = Rotated(q, spacing, origin, mirrored);
                    var bytes = Bytes(new Volume<byte>(geometry), NiftiCompression.None);
                    Assert.Equal(1, bytes[252]);
                    bytes[254] = 0; // no sform: the reader must take the quaternion
                    var read = NiftiReader.ReadHeader(new MemoryStream(bytes)).Geometry;
                    return read.IsCloseTo(geometry, 1e-2);
                },
                iter: 2000
            );

    [Fact]
    public void Vector_widening_equals_the_scalar_for_every_length() =>
        Gen.Int[0, 200]
            .Sample(length =>
            {
                var random = new Random(length);
                var bytes = new byte[length * 2];
                random.NextBytes(bytes);
                var shorts = new short[length];
                Buffer.BlockCopy(bytes, 0, shorts, 0, bytes.Length);
                var (a, b, c, d) = (
                    new float[length],
                    new float[length],
                    new float[length],
                    new float[length]
                );
                VoxelWidening.ToFloat(shorts, a);
                VoxelWidening.ToFloat(shorts.Select(v => (ushort)v).ToArray(), b);
                VoxelWidening.ToFloat(bytes.AsSpan(0, length), c);
                VoxelWidening.ToFloat(bytes.Take(length).Select(v => (sbyte)v).ToArray(), d);
                for (var n = 0; n < length; n++)
                {
                    Assert.Equal(shorts[n], a[n]);
                    Assert.Equal((ushort)shorts[n], b[n]);
                    Assert.Equal(bytes[n], c[n]);
                    Assert.Equal((sbyte)bytes[n], d[n]);
                }
            });

    private static byte[] Bytes<T>(Volume<T> volume, NiftiCompression compression)
        where T : unmanaged
    {
        using var stream = new MemoryStream();
        NiftiWriter.Write(stream, volume, compression);
        return stream.ToArray();
    }

    private static VolumeGeometry Rotated(
        double[] q,
        double[] spacing,
        double[] origin,
        bool mirrored
    )
    {
        var norm = Math.Sqrt(q.Sum(v => v * v));
        var (a, b, c, d) = (q[0] / norm, q[1] / norm, q[2] / norm, q[3] / norm);
        var (x, y, z) = (spacing[0], spacing[1], mirrored ? -spacing[2] : spacing[2]);
        return new VolumeGeometry(
            (2, 3, 4),
            [
                (a * a + b * b - c * c - d * d) * x,
                2 * (b * c - a * d) * y,
                2 * (b * d + a * c) * z,
                origin[0],
                2 * (b * c + a * d) * x,
                (a * a + c * c - b * b - d * d) * y,
                2 * (c * d - a * b) * z,
                origin[1],
                2 * (b * d - a * c) * x,
                2 * (c * d + a * b) * y,
                (a * a + d * d - b * b - c * c) * z,
                origin[2],
            ]
        );
    }
}
