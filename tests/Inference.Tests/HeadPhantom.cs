using Platform.Imaging;

namespace Inference.Tests;

/// <summary>A head of ellipsoids with paired and midline structures, turned and shifted, with its sides known.</summary>
internal static class HeadPhantom
{
    // Class, centre and radii (mm) in head coordinates; paired ones are mirrored in x. Later ones overwrite earlier ones.
    private static readonly (byte Class, double[] Centre, double[] Radii, bool Paired)[] Parts =
    [
        (1, [32, -15, 10], [30, 75, 52], true),
        (2, [24, -60, -38], [22, 25, 20], true),
        (3, [9, -10, 18], [6, 28, 9], true),
        (4, [11, -15, 6], [8, 13, 8], true),
        (5, [13, 12, 12], [5, 14, 10], true),
        (6, [24, 5, 4], [6, 14, 10], true),
        (7, [27, -22, -12], [5, 16, 6], true),
        (8, [0, -28, -35], [10, 11, 25], false),
    ];

    /// <summary>Classes and sides (1 left, 2 right, 0 for neither) on one axis-aligned grid.</summary>
    /// <param name="yaw">Turn about S, degrees.</param>
    /// <param name="roll">Turn about A, degrees.</param>
    /// <param name="pitch">Turn about R, degrees.</param>
    /// <param name="shift">Where the head's origin lies in the world, mm.</param>
    /// <param name="spacing">Voxel size, mm.</param>
    public static (Volume<byte> Classes, Volume<byte> Sides) Make(
        double yaw,
        double roll,
        double pitch,
        (double X, double Y, double Z) shift,
        (double I, double J, double K) spacing
    )
    {
        var shape = ((int)(200 / spacing.I), (int)(230 / spacing.J), (int)(220 / spacing.K));
        var geometry = VolumeGeometry.Ras(shape, spacing, (-100, -130, -120));
        var (classes, sides) = (new Volume<byte>(geometry), new Volume<byte>(geometry));
        var turn = Multiply(Turn(2, yaw), Multiply(Turn(1, roll), Turn(0, pitch)));
        for (var n = 0; n < classes.Voxels.Length; n++)
        {
            var (x, y, z) = geometry.ToWorld(
                n % shape.Item1,
                n / shape.Item1 % shape.Item2,
                n / (shape.Item1 * shape.Item2)
            );
            double[] world = [x - shift.X, y - shift.Y, z - shift.Z];
            // The transpose turns back.
            var head = new double[3];
            for (var row = 0; row < 3; row++)
            {
                for (var column = 0; column < 3; column++)
                {
                    head[row] += turn[column, row] * world[column];
                }
            }
            // No head is symmetric: the left frontal lobe reaches less far.
            var stretch = head[0] < 0 && head[1] > 0 ? 1.06 : 1;
            foreach (var (label, centre, radii, paired) in Parts)
            {
                var dx = ((paired ? Math.Abs(head[0]) : head[0]) - centre[0]) / radii[0];
                var dy = (head[1] * stretch - centre[1]) / radii[1];
                var dz = (head[2] - centre[2]) / radii[2];
                if (dx * dx + dy * dy + dz * dz <= 1)
                {
                    classes.Voxels[n] = label;
                    sides.Voxels[n] = (byte)(
                        !paired ? 0
                        : head[0] < 0 ? 1
                        : 2
                    );
                }
            }
        }
        return (classes, sides);
    }

    /// <summary>An affine after a turn of the world about S, then A (degrees).</summary>
    public static double[] Turned(ReadOnlySpan<double> affine, double yaw, double roll)
    {
        var turn = Multiply(Turn(2, yaw), Turn(1, roll));
        var turned = new double[12];
        for (var n = 0; n < 12; n++)
        {
            for (var m = 0; m < 3; m++)
            {
                turned[n] += turn[n / 4, m] * affine[4 * m + n % 4];
            }
        }
        return turned;
    }

    private static double[,] Turn(int axis, double degrees)
    {
        var (sin, cos) = Math.SinCos(degrees * Math.PI / 180);
        var (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
        var turn = new double[3, 3];
        (turn[axis, axis], turn[a, a], turn[b, b]) = (1, cos, cos);
        (turn[a, b], turn[b, a]) = (-sin, sin);
        return turn;
    }

    private static double[,] Multiply(double[,] a, double[,] b)
    {
        var product = new double[3, 3];
        for (var n = 0; n < 27; n++)
        {
            product[n / 9, n / 3 % 3] += a[n / 9, n % 3] * b[n % 3, n / 3 % 3];
        }
        return product;
    }
}
