using Platform.Imaging;

namespace Platform.Inference;

/// <summary>
/// The plane that separates left from right: normal·x = offset in world mm, the normal pointing to the patient's right.
/// Networks trained with flips label both sides alike; the plane tells them apart.
/// </summary>
/// <param name="Normal">Unit vector, x component positive.</param>
/// <param name="Offset">Distance of the plane from the world's origin along the normal, mm.</param>
internal readonly record struct MidsagittalPlane(
    (double X, double Y, double Z) Normal,
    double Offset
)
{
    private const double Degree = Math.PI / 180;

    /// <summary>Signed distance of a world position in mm; positive to the patient's right.</summary>
    public double Distance((double X, double Y, double Z) world) =>
        Normal.X * world.X + Normal.Y * world.Y + Normal.Z * world.Z - Offset;

    /// <summary>
    /// Estimates the plane from the labels alone: the one about which mirroring the label map changes it least. Searched over
    /// ±30° of yaw and roll and ±24 mm about the centroid on a coarse lattice, then refined from the best few by halving steps.
    /// Classes count with the square root of their size, so that small deep structures are heard beside cortex.
    /// </summary>
    /// <param name="classes">0 is background; left and right share a class.</param>
    /// <returns>The sagittal plane through x = 0 where there is no label.</returns>
    public static MidsagittalPlane Estimate(Volume<byte> classes)
    {
        var points = LabelPoints.Collect(classes);
        if (points is null)
        {
            return new MidsagittalPlane((1, 0, 0), 0);
        }
        var candidates = new List<(double Score, Pose Pose)>();
        for (var yaw = -30; yaw <= 30; yaw += 6)
        {
            for (var roll = -30; roll <= 30; roll += 6)
            {
                for (var shift = -24; shift <= 24; shift += 6)
                {
                    var pose = new Pose(yaw * Degree, roll * Degree, shift);
                    candidates.Add((points.Symmetry(pose, stride: 8), pose));
                }
            }
        }
        var rough = candidates
            .OrderByDescending(c => c.Score)
            .Take(6)
            .Select(c => Refine(points, c.Pose, largest: 4, least: 0.9, stride: 4))
            .MaxBy(c => c.Score)
            .Pose;
        var best = Refine(points, rough, largest: 1, least: 0.1, stride: 1).Pose;
        var normal = best.Normal;
        var (x, y, z) = points.Centroid;
        return new MidsagittalPlane(
            normal,
            normal.X * x + normal.Y * y + normal.Z * z + best.Shift
        );
    }

    /// <summary>Climbs by steps (degrees and mm) that are halved wherever none of them leads up.</summary>
    private static (double Score, Pose Pose) Refine(
        LabelPoints points,
        Pose pose,
        double largest,
        double least,
        int stride
    )
    {
        var score = points.Symmetry(pose, stride);
        for (var step = largest; step > least; )
        {
            var improved = false;
            foreach (var sign in new[] { -1, 1 })
            {
                var angle = sign * step * Degree;
                Pose[] moves =
                [
                    pose with
                    {
                        Yaw = pose.Yaw + angle,
                    },
                    pose with
                    {
                        Roll = pose.Roll + angle,
                    },
                    pose with
                    {
                        Shift = pose.Shift + sign * step,
                    },
                ];
                foreach (var move in moves)
                {
                    var moved = points.Symmetry(move, stride);
                    if (moved > score)
                    {
                        (score, pose, improved) = (moved, move, true);
                    }
                }
            }
            if (!improved)
            {
                step /= 2;
            }
        }
        return (score, pose);
    }

    /// <summary>A plane about the centroid: turns of its normal about S and A (radians), shift along the normal (mm).</summary>
    private readonly record struct Pose(double Yaw, double Roll, double Shift)
    {
        public (double X, double Y, double Z) Normal =>
            (Math.Cos(Yaw) * Math.Cos(Roll), Math.Sin(Yaw) * Math.Cos(Roll), Math.Sin(Roll));
    }

    /// <summary>A regular sample of the labelled voxels, as world positions from their centroid.</summary>
    private sealed class LabelPoints
    {
        private const int MostPoints = 16_384;

        private readonly Volume<byte> _classes;
        private readonly double[] _inverse;
        private readonly float[] _weights;
        private readonly (float X, float Y, float Z, byte Class)[] _points;

        private LabelPoints(Volume<byte> classes, (float X, float Y, float Z, byte Class)[] world)
        {
            _classes = classes;
            _inverse = classes.Geometry.InverseAffine();
            Centroid = (
                world.Average(p => (double)p.X),
                world.Average(p => (double)p.Y),
                world.Average(p => (double)p.Z)
            );
            var (x, y, z) = ((float)Centroid.X, (float)Centroid.Y, (float)Centroid.Z);
            _points = [.. world.Select(p => (p.X - x, p.Y - y, p.Z - z, p.Class))];
            _weights = new float[256];
            foreach (var group in world.GroupBy(p => p.Class))
            {
                _weights[group.Key] = 1 / MathF.Sqrt(group.Count());
            }
        }

        public (double X, double Y, double Z) Centroid { get; }

        public static LabelPoints? Collect(Volume<byte> classes)
        {
            var (sizeI, sizeJ, _) = classes.Geometry.Shape;
            var labelled = classes.Voxels.Length - classes.Voxels.AsSpan().Count((byte)0);
            if (labelled == 0)
            {
                return null;
            }
            // An odd stride does not fall into step with rows of even length.
            var stride = labelled <= MostPoints ? 1 : (labelled / MostPoints) | 1;
            var world = new List<(float, float, float, byte)>();
            var seen = 0;
            for (var n = 0; n < classes.Voxels.Length; n++)
            {
                if (classes.Voxels[n] is not 0 and var label && seen++ % stride == 0)
                {
                    var (x, y, z) = classes.Geometry.ToWorld(
                        n % sizeI,
                        n / sizeI % sizeJ,
                        n / (sizeI * sizeJ)
                    );
                    world.Add(((float)x, (float)y, (float)z, label));
                }
            }
            return new LabelPoints(classes, [.. world]);
        }

        /// <summary>Weighted count of the points whose mirror image has the same class.</summary>
        public double Symmetry(Pose pose, int stride)
        {
            var (sizeI, sizeJ, sizeK) = _classes.Geometry.Shape;
            var normal = pose.Normal;
            // Mirror about the plane, then world → index, as one affine map of centred positions.
            Span<float> map = stackalloc float[12];
            double[] n = [normal.X, normal.Y, normal.Z];
            double[] centroid = [Centroid.X, Centroid.Y, Centroid.Z];
            for (var row = 0; row < 3; row++)
            {
                double along = 0,
                    origin = _inverse[row * 4 + 3];
                for (var axis = 0; axis < 3; axis++)
                {
                    along += _inverse[row * 4 + axis] * n[axis];
                    origin += _inverse[row * 4 + axis] * centroid[axis];
                }
                for (var axis = 0; axis < 3; axis++)
                {
                    map[row * 4 + axis] = (float)(_inverse[row * 4 + axis] - 2 * along * n[axis]);
                }
                // Half a voxel more, so that truncation rounds to the nearest.
                map[row * 4 + 3] = (float)(origin + 2 * along * pose.Shift + 0.5);
            }
            double score = 0;
            for (var index = 0; index < _points.Length; index += stride)
            {
                var (x, y, z, label) = _points[index];
                var i = (int)MathF.Floor(map[0] * x + map[1] * y + map[2] * z + map[3]);
                var j = (int)MathF.Floor(map[4] * x + map[5] * y + map[6] * z + map[7]);
                var k = (int)MathF.Floor(map[8] * x + map[9] * y + map[10] * z + map[11]);
                if (
                    (uint)i < (uint)sizeI
                    && (uint)j < (uint)sizeJ
                    && (uint)k < (uint)sizeK
                    && _classes.Voxels[i + sizeI * (j + sizeJ * k)] == label
                )
                {
                    score += _weights[label];
                }
            }
            return score;
        }
    }
}
