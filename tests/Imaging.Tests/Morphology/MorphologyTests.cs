using CsCheck;

namespace Platform.Imaging.Tests;

public class MorphologyTests
{
    private static readonly Gen<Volume<byte>> Speckle = Gen.Select(
            Gen.Int[1, 14],
            Gen.Int[1, 9],
            Gen.Int[1, 8],
            Gen.Int[0, 10000],
            Gen.Int[1, 8]
        )
        .Select(
            (ni, nj, nk, seed, sparsity) =>
            {
                var random = new Random(seed);
                var volume = new Volume<byte>(VolumeGeometry.Ras((ni, nj, nk), (1, 1.7, 0.6)));
                for (var n = 0; n < volume.Voxels.Length; n++)
                {
                    volume.Voxels[n] = (byte)(random.Next(sparsity) == 0 ? random.Next(3) : 0);
                }
                return volume;
            }
        );

    [Fact]
    public void Components_equal_flood_filling() =>
        Gen.Select(Speckle, Gen.Enum<Connectivity>())
            .Sample(
                (volume, connectivity) =>
                {
                    var expected = Flood(volume, connectivity);
                    var found = ConnectedComponents.Find(volume, connectivity);
                    Assert.Equal(expected, found.ToVolume().Voxels);
                    for (var n = 0; n < found.Components.Count; n++)
                    {
                        Assert.Equal(expected.Count(v => v == n + 1), found.Components[n].Voxels);
                    }
                },
                iter: 3000
            );

    [Fact]
    public void The_largest_component_of_each_label_is_kept_whole() =>
        Speckle.Sample(
            volume =>
            {
                var kept = ConnectedComponents.KeepLargest(volume);
                var before = ConnectedComponents.Find(volume);
                var after = ConnectedComponents.Find(kept);
                foreach (var label in before.Components.Select(c => c.Label).Distinct())
                {
                    Assert.Equal(
                        before.Components.Where(c => c.Label == label).Max(c => c.Voxels),
                        Assert.Single(after.Components, c => c.Label == label).Voxels
                    );
                }
            },
            iter: 500
        );

    [Fact]
    public void The_distance_transform_equals_searching_every_voxel() =>
        Speckle.Sample(
            volume =>
            {
                var distance = DistanceTransform.ToMask(volume);
                var (ni, nj, nk) = volume.Geometry.Shape;
                for (var n = 0; n < volume.Voxels.Length; n++)
                {
                    var best = double.PositiveInfinity;
                    for (var m = 0; m < volume.Voxels.Length; m++)
                    {
                        if (volume.Voxels[m] != 0)
                        {
                            var dx = (double)(n % ni - m % ni);
                            var dy = (n / ni % nj - m / ni % nj) * 1.7;
                            var dz = (n / ni / nj - m / ni / nj) * 0.6;
                            best = Math.Min(best, dx * dx + dy * dy + dz * dz);
                        }
                    }
                    if (double.IsInfinity(best))
                    {
                        Assert.Equal(float.PositiveInfinity, distance.Voxels[n]);
                    }
                    else
                    {
                        Assert.Equal(Math.Sqrt(best), distance.Voxels[n], 1e-4);
                    }
                }
            },
            iter: 200
        );

    private static int[] Flood(Volume<byte> volume, Connectivity connectivity)
    {
        var (ni, nj, nk) = volume.Geometry.Shape;
        var most = connectivity switch
        {
            Connectivity.Faces => 1,
            Connectivity.Edges => 2,
            _ => 3,
        };
        var component = new int[volume.Voxels.Length];
        var next = 0;
        for (var seed = 0; seed < component.Length; seed++)
        {
            if (volume.Voxels[seed] == 0 || component[seed] != 0)
            {
                continue;
            }
            component[seed] = ++next;
            var open = new Stack<int>([seed]);
            while (open.TryPop(out var n))
            {
                for (var step = 0; step < 27; step++)
                {
                    var (di, dj, dk) = (step % 3 - 1, step / 3 % 3 - 1, step / 9 - 1);
                    var (i, j, k) = (n % ni + di, n / ni % nj + dj, n / ni / nj + dk);
                    if (
                        Math.Abs(di) + Math.Abs(dj) + Math.Abs(dk) > most
                        || i < 0
                        || j < 0
                        || k < 0
                        || i >= ni
                        || j >= nj
                        || k >= nk
                    )
                    {
                        continue;
                    }
                    var m = i + ni * (j + nj * k);
                    if (component[m] == 0 && volume.Voxels[m] == volume.Voxels[seed])
                    {
                        component[m] = next;
                        open.Push(m);
                    }
                }
            }
        }
        return component;
    }
}
