using System.Runtime.InteropServices;

namespace Platform.Imaging.Tests;

public class MeasuresAgainstScipyTests
{
    [Fact]
    public void Components_distances_surfaces_and_percentiles_equal_scipy()
    {
        var geometry = VolumeGeometry.Ras((43, 38, 31), (0.9, 1.3, 2.5));
        var random = new Random(5);
        // Speckle over balls: many small and touching components.
        var a = Phantoms.Balls(geometry, 1, 6);
        var b = Phantoms.Balls(geometry, 2, 6);
        for (var n = 0; n < a.Voxels.Length; n++)
        {
            a.Voxels[n] = random.Next(6) == 0 ? (byte)3 : a.Voxels[n];
        }
        var x = Phantoms.Noise(geometry, 9);
        for (var n = 0; n < x.Voxels.Length; n++)
        {
            x.Voxels[n] -= 500;
        }
        using var oracle = new PythonOracle();
        File.WriteAllBytes(oracle.PathOf("a.u8"), a.Voxels);
        File.WriteAllBytes(oracle.PathOf("b.u8"), b.Voxels);
        oracle.WriteFloats("x.f32", x.Voxels);
        oracle.Run("measures.py", "43", "38", "31", "0.9", "1.3", "2.5");

        var three = new Volume<byte>(
            geometry,
            [.. a.Voxels.Select(v => v == 3 ? (byte)1 : (byte)0)]
        );
        foreach (var connectivity in Enum.GetValues<Connectivity>())
        {
            var expected = MemoryMarshal
                .Cast<byte, int>(
                    File.ReadAllBytes(oracle.PathOf($"components{(int)connectivity}.i4"))
                )
                .ToArray();
            var found = ConnectedComponents.Find(three, connectivity);
            Assert.Equal(expected.Max(), found.Components.Count);
            var actual = found.ToVolume().Voxels;
            var pairs = expected.Zip(actual).Distinct().ToArray();
            Assert.Equal(expected.Distinct().Count(), pairs.Length);
            Assert.Equal(pairs.Length, pairs.Select(pair => pair.Second).Distinct().Count());
        }
        Approximately.Equal(
            oracle.Floats("distance.f32"),
            DistanceTransform.ToMask(a).Voxels,
            1e-6,
            "distance"
        );
        foreach (var row in oracle.Numbers("surface.txt").Chunk(4))
        {
            var ours = SurfaceDistances.Between(a, b, (byte)row[0])!.Value;
            Assert.Equal(row[1], ours.Hausdorff, 4);
            Assert.Equal(row[2], ours.Hausdorff95, 4);
            Assert.Equal(row[3], ours.Average, 4);
        }
        var percentiles = Intensities.Percentiles(x.Voxels, 1, 50, 99.5);
        foreach (var (expected, actual) in oracle.Numbers("percentiles.txt").Zip(percentiles))
        {
            Assert.Equal(expected, actual, 1e-3);
        }
    }
}
