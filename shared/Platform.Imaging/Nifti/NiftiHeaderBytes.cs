using System.Buffers.Binary;

namespace Platform.Imaging;

internal static class NiftiHeaderBytes
{
    private const short Scanner = 1;
    private const byte MillimetresAndSeconds = 2 | 8;

    /// <summary>A header with its empty extension flag: 352 or 544 bytes, sform always, qform where the affine is a rotation with spacing.</summary>
    /// <param name="geometry">Of a frame.</param>
    /// <param name="type">The stored type.</param>
    /// <param name="frames">More than one makes a time series.</param>
    /// <param name="intervalMs">From one frame to the next; null where it is not known.</param>
    public static byte[] For(
        VolumeGeometry geometry,
        NiftiType type,
        int frames,
        double? intervalMs
    )
    {
        var (i, j, k) = geometry.Shape;
        int[] dimensions = [frames > 1 ? 4 : 3, i, j, k, frames, 1, 1, 1];
        var (q, pixdim) = Quaternion(geometry);
        pixdim[4] = (intervalMs ?? 0) / 1000;
        return dimensions.Max() <= short.MaxValue
            ? Version1(geometry, type, dimensions, q, pixdim)
            : Version2(geometry, type, dimensions, q, pixdim);
    }

    private static byte[] Version1(
        VolumeGeometry geometry,
        NiftiType type,
        int[] dimensions,
        double[]? q,
        double[] pixdim
    )
    {
        var bytes = new byte[VolumeHeader.Bytes1 + 4];
        Int32(bytes, 0, VolumeHeader.Bytes1);
        for (var n = 0; n < 8; n++)
        {
            Int16(bytes, 40 + 2 * n, (short)dimensions[n]);
            Single(bytes, 76 + 4 * n, pixdim[n]);
        }
        Int16(bytes, 70, (short)type);
        Int16(bytes, 72, (short)(type.Bytes() * 8));
        Single(bytes, 108, bytes.Length);
        Single(bytes, 112, 1);
        bytes[123] = MillimetresAndSeconds;
        Int16(bytes, 252, q is null ? (short)0 : Scanner);
        Int16(bytes, 254, Scanner);
        for (var n = 0; n < 6; n++)
        {
            Single(bytes, 256 + 4 * n, q?[n] ?? 0);
        }
        for (var n = 0; n < 12; n++)
        {
            Single(bytes, 280 + 4 * n, geometry.Affine[n]);
        }
        "n+1\0"u8.CopyTo(bytes.AsSpan(344));
        return bytes;
    }

    private static byte[] Version2(
        VolumeGeometry geometry,
        NiftiType type,
        int[] dimensions,
        double[]? q,
        double[] pixdim
    )
    {
        var bytes = new byte[VolumeHeader.Bytes2 + 4];
        Int32(bytes, 0, VolumeHeader.Bytes2);
        "n+2\0\r\n\x1a\n"u8.CopyTo(bytes.AsSpan(4));
        Int16(bytes, 12, (short)type);
        Int16(bytes, 14, (short)(type.Bytes() * 8));
        for (var n = 0; n < 8; n++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16 + 8 * n), dimensions[n]);
            Double(bytes, 104 + 8 * n, pixdim[n]);
        }
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(168), bytes.Length);
        Double(bytes, 176, 1);
        Int32(bytes, 344, q is null ? 0 : Scanner);
        Int32(bytes, 348, Scanner);
        for (var n = 0; n < 6; n++)
        {
            Double(bytes, 352 + 8 * n, q?[n] ?? 0);
        }
        for (var n = 0; n < 12; n++)
        {
            Double(bytes, 400 + 8 * n, geometry.Affine[n]);
        }
        Int32(bytes, 500, MillimetresAndSeconds);
        return bytes;
    }

    /// <summary>
    /// Quaternion (b, c, d, x, y, z) and pixdim of an affine; null where its columns are not orthogonal within 1e-4,
    /// since a quaternion cannot say shear. Shepperd's method: the largest of the four components is divided by.
    /// </summary>
    private static (double[]? Q, double[] Pixdim) Quaternion(VolumeGeometry geometry)
    {
        var a = geometry.Affine;
        double[] length = [geometry.Spacing.I, geometry.Spacing.J, geometry.Spacing.K];
        var r = new double[3, 3];
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 3; column++)
            {
                r[row, column] = a[4 * row + column] / length[column];
            }
        }
        var determinant =
            r[0, 0] * (r[1, 1] * r[2, 2] - r[1, 2] * r[2, 1])
            - r[0, 1] * (r[1, 0] * r[2, 2] - r[1, 2] * r[2, 0])
            + r[0, 2] * (r[1, 0] * r[2, 1] - r[1, 1] * r[2, 0]);
        var sign = determinant < 0 ? -1.0 : 1.0;
        double[] pixdim = [sign, length[0], length[1], length[2], 0, 0, 0, 0];
        if (Math.Abs(Math.Abs(determinant) - 1) > 1e-4)
        {
            return (null, pixdim);
        }
        for (var row = 0; row < 3; row++)
        {
            r[row, 2] *= sign;
        }
        double[] squares =
        [
            1 + r[0, 0] + r[1, 1] + r[2, 2],
            1 + r[0, 0] - r[1, 1] - r[2, 2],
            1 - r[0, 0] + r[1, 1] - r[2, 2],
            1 - r[0, 0] - r[1, 1] + r[2, 2],
        ];
        var largest = Array.IndexOf(squares, squares.Max());
        var s = 2 * Math.Sqrt(squares[largest]);
        var (qa, qb, qc, qd) = largest switch
        {
            0 => (s / 4, (r[2, 1] - r[1, 2]) / s, (r[0, 2] - r[2, 0]) / s, (r[1, 0] - r[0, 1]) / s),
            1 => ((r[2, 1] - r[1, 2]) / s, s / 4, (r[0, 1] + r[1, 0]) / s, (r[0, 2] + r[2, 0]) / s),
            2 => ((r[0, 2] - r[2, 0]) / s, (r[0, 1] + r[1, 0]) / s, s / 4, (r[1, 2] + r[2, 1]) / s),
            _ => ((r[1, 0] - r[0, 1]) / s, (r[0, 2] + r[2, 0]) / s, (r[1, 2] + r[2, 1]) / s, s / 4),
        };
        var positive = qa < 0 ? -1 : 1;
        return ([positive * qb, positive * qc, positive * qd, a[3], a[7], a[11]], pixdim);
    }

    private static void Int16(byte[] bytes, int at, short value) =>
        BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(at), value);

    private static void Int32(byte[] bytes, int at, int value) =>
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), value);

    private static void Single(byte[] bytes, int at, double value) =>
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at), (float)value);

    private static void Double(byte[] bytes, int at, double value) =>
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(at), value);
}
