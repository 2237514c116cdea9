using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.Registration;

/// <summary>
/// A smooth invertible map between the worlds of two images: fixed → moving is a displacement on the fixed grid, then an affine.
/// Outside that grid the displacement is that of its border.
/// </summary>
public sealed class SpatialTransform
{
    private readonly VolumeGeometry _grid;
    private readonly float[] _forward;
    private readonly float[] _inverse;

    internal SpatialTransform(
        AffineTransform affine,
        VolumeGeometry grid,
        float[] forward,
        float[] inverse
    ) => (Affine, _grid, _forward, _inverse) = (affine, grid, forward, inverse);

    /// <summary>The affine part, fixed world → moving world (mm).</summary>
    public AffineTransform Affine { get; }

    /// <summary>Where a point of the fixed image's world lies in the moving image's world (mm).</summary>
    public (double X, double Y, double Z) ToMoving(double x, double y, double z)
    {
        (x, y, z) = Displace(_forward, x, y, z);
        return Affine.Apply(x, y, z);
    }

    /// <summary>Where a point of the moving image's world lies in the fixed image's world (mm).</summary>
    public (double X, double Y, double Z) ToFixed(double x, double y, double z)
    {
        (x, y, z) = Affine.Inverse().Apply(x, y, z);
        return Displace(_inverse, x, y, z);
    }

    /// <summary>Labels of the fixed image, nearest neighbour, on a grid in the moving image's world; 0 where they end.</summary>
    /// <param name="fixedLabels">Labels in the fixed image's world, on any grid.</param>
    /// <param name="movingGrid">The grid wanted.</param>
    public Volume<byte> WarpToMoving(Volume<byte> fixedLabels, VolumeGeometry movingGrid)
    {
        var warped = new Volume<byte>(movingGrid);
        var toGrid = AffineTransform
            .WorldToIndex(_grid)
            .After(Affine.Inverse())
            .After(AffineTransform.IndexToWorld(movingGrid));
        var toLabels = AffineTransform
            .WorldToIndex(fixedLabels.Geometry)
            .After(AffineTransform.IndexToWorld(_grid));
        var (columnI, columnJ, columnK, origin) = Columns(toGrid);
        var (labelI, labelJ, labelK, labelOrigin) = Columns(toLabels);
        // Rounded to the nearest: half a voxel is added before the floor.
        labelOrigin += Vector128.Create(0.5f, 0.5f, 0.5f, 0);
        var (first, end) = Reach(movingGrid);
        var last = VelocityField.Last(_grid.Shape);
        var slice = _grid.Shape.I * _grid.Shape.J;
        var labels = fixedLabels.Geometry.Shape;
        ref var inverse = ref MemoryMarshal.GetArrayDataReference(_inverse);
        for (var k = first[2]; k < end[2]; k++)
        {
            for (var j = first[1]; j < end[1]; j++)
            {
                var n = movingGrid.Shape.I * (j + movingGrid.Shape.J * k);
                var line = origin + columnJ * j + columnK * k;
                for (var i = first[0]; i < end[0]; i++)
                {
                    var at = line + columnI * i;
                    at += Interpolation.Linear4(ref inverse, _grid.Shape.I, slice, last, at);
                    var nearest = Vector128.ConvertToInt32(
                        Vector128.Floor(
                            labelOrigin
                                + labelI * at.GetElement(0)
                                + labelJ * at.GetElement(1)
                                + labelK * at.GetElement(2)
                        )
                    );
                    int x = nearest.GetElement(0),
                        y = nearest.GetElement(1),
                        z = nearest.GetElement(2);
                    if (
                        (uint)x < (uint)labels.I
                        && (uint)y < (uint)labels.J
                        && (uint)z < (uint)labels.K
                    )
                    {
                        warped.Voxels[n + i] = fixedLabels.Voxels[
                            x + labels.I * (y + labels.J * z)
                        ];
                    }
                }
            }
        }
        return warped;
    }

    /// <summary>The columns of a map, x ↦ I·x₀ + J·x₁ + K·x₂ + origin; fourth lanes 0.</summary>
    private static (
        Vector128<float> I,
        Vector128<float> J,
        Vector128<float> K,
        Vector128<float> Origin
    ) Columns(AffineTransform map)
    {
        var m = map.Entries;
        return (
            Vector128.Create((float)m[0], (float)m[4], (float)m[8], 0),
            Vector128.Create((float)m[1], (float)m[5], (float)m[9], 0),
            Vector128.Create((float)m[2], (float)m[6], (float)m[10], 0),
            Vector128.Create((float)m[3], (float)m[7], (float)m[11], 0)
        );
    }

    /// <summary>The part of a moving grid that the fixed grid, grown by a tenth on each side, maps onto.</summary>
    private (int[] First, int[] End) Reach(VolumeGeometry movingGrid)
    {
        int[] first = [int.MaxValue, int.MaxValue, int.MaxValue];
        int[] end = [0, 0, 0];
        int[] size = [movingGrid.Shape.I, movingGrid.Shape.J, movingGrid.Shape.K];
        var map = AffineTransform
            .WorldToIndex(movingGrid)
            .After(Affine)
            .After(AffineTransform.IndexToWorld(_grid));
        for (var corner = 0; corner < 8; corner++)
        {
            var (x, y, z) = map.Apply(
                ((corner & 1) == 0 ? -0.1 : 1.1) * _grid.Shape.I,
                ((corner & 2) == 0 ? -0.1 : 1.1) * _grid.Shape.J,
                ((corner & 4) == 0 ? -0.1 : 1.1) * _grid.Shape.K
            );
            double[] at = [x, y, z];
            for (var axis = 0; axis < 3; axis++)
            {
                var position = (int)Math.Clamp(at[axis], -1, size[axis]);
                first[axis] = Math.Clamp(Math.Min(first[axis], position), 0, size[axis]);
                end[axis] = Math.Clamp(Math.Max(end[axis], position + 2), 0, size[axis]);
            }
        }
        return (first, end);
    }

    private (double X, double Y, double Z) Displace(float[] field, double x, double y, double z)
    {
        var (i, j, k) = AffineTransform.WorldToIndex(_grid).Apply(x, y, z);
        var shift = Interpolation.Linear4(
            ref MemoryMarshal.GetArrayDataReference(field),
            _grid.Shape.I,
            _grid.Shape.I * _grid.Shape.J,
            VelocityField.Last(_grid.Shape),
            Vector128.Create((float)i, (float)j, (float)k, 0)
        );
        return _grid.ToWorld(
            i + shift.GetElement(0),
            j + shift.GetElement(1),
            k + shift.GetElement(2)
        );
    }
}
