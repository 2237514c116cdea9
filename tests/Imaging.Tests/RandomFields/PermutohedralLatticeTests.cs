using CsCheck;
using Platform.Imaging.RandomFields;

namespace Platform.Imaging.Tests;

public class PermutohedralLatticeTests
{
    /// <summary>
    /// The lattice's kernel is a piecewise polynomial near a Gaussian, and neighbours that no item touches are missing from it: of values whose
    /// deviation is some 0.5, means are off by 0.03 (root mean square), and by 0.15 where items are few.
    /// </summary>
    [Theory]
    [InlineData(2, 10f)]
    [InlineData(3, 10f)]
    [InlineData(4, 5f)]
    [InlineData(5, 5f)]
    public void It_filters_as_a_Gaussian_does(int dimensions, float spread)
    {
        const int Items = 2000;
        var positions = Positions(Items, dimensions, spread);
        var values = Steps(positions, dimensions, spread);
        var means = Filtered(positions, dimensions, values);
        double sum = 0,
            most = 0,
            signal = 0;
        for (var a = 0; a < Items; a++)
        {
            double mean = 0,
                weights = 0;
            for (var b = 0; b < Items; b++)
            {
                var square = 0.0;
                for (var n = 0; n < dimensions; n++)
                {
                    var apart = positions[a * dimensions + n] - positions[b * dimensions + n];
                    square += apart * apart;
                }
                var weight = Math.Exp(-square / 2);
                (mean, weights) = (mean + weight * values[b], weights + weight);
            }
            var off = Math.Abs(means[a] - mean / weights);
            (sum, most) = (sum + off * off, Math.Max(most, off));
            signal += (mean / weights - values.Average()) * (mean / weights - values.Average());
        }
        Assert.True(Math.Sqrt(signal / Items) > 0.3, "nothing was left to compare");
        Assert.InRange(Math.Sqrt(sum / Items), 0, 0.035);
        Assert.InRange(most, 0, 0.18);
    }

    [Fact]
    public void A_constant_stays_as_it_is()
    {
        var positions = Positions(5000, 5, 30);
        var values = new float[5000];
        values.AsSpan().Fill(0.37f);
        Assert.All(Filtered(positions, 5, values), mean => Assert.Equal(0.37f, mean, 1e-6f));
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit_and_four_values_at_once_are_four_values()
    {
        const int Items = 150_000;
        var positions = Positions(Items, 4, 20);
        var values = Steps(positions, 4, 20);
        var alone = Filtered(positions, 4, values, threads: 1);
        foreach (var threads in new[] { 2, 3, 7, -1 })
        {
            Assert.Equal(alone, Filtered(positions, 4, values, threads));
        }
        var lattice = Lattice(positions, 4, 2);
        var (fours, means) = (new Four[Items], new Four[Items]);
        for (var n = 0; n < Items; n++)
        {
            fours[n] = new(
                System.Runtime.Intrinsics.Vector128.Create(values[n], 1, -values[n], 2 * values[n])
            );
        }
        lattice.Filter(fours, means, lattice.Workspace<Four>());
        for (var n = 0; n < Items; n++)
        {
            Assert.Equal(alone[n], means[n].Values[0]);
            Assert.Equal(-alone[n], means[n].Values[2]);
            Assert.Equal(2 * alone[n], means[n].Values[3]);
        }
    }

    [Fact]
    public void A_position_is_a_convex_combination_of_vertices_whose_neighbours_are_mutual() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[0, 1_000_000])
            .Sample(
                (dimensions, seed) =>
                {
                    var random = new Random(seed);
                    var (low, high) = (new float[dimensions], new float[dimensions]);
                    low.AsSpan().Fill(-9);
                    high.AsSpan().Fill(13);
                    var position = low.Select(l => l + random.NextSingle() * 22).ToArray();
                    var simplex = new LatticeSimplex(low, high);
                    var vertices = new long[dimensions + 1];
                    var weights = new float[dimensions + 1];
                    simplex.Enclose(position, vertices, weights);
                    Assert.All(weights, weight => Assert.InRange(weight, -1e-5f, 1 + 1e-5f));
                    Assert.Equal(1, weights.Sum(), 1e-4f);
                    Assert.Equal(vertices.Length, vertices.Distinct().Count());
                    for (var direction = 0; direction <= dimensions; direction++)
                    {
                        foreach (var vertex in vertices)
                        {
                            var (before, after) = simplex.Neighbours(vertex, direction);
                            Assert.Equal(vertex, simplex.Neighbours(before, direction).After);
                            Assert.Equal(vertex, simplex.Neighbours(after, direction).Before);
                            Assert.True(before >= 0 && after >= 0 && before != after);
                        }
                    }
                }
            );

    [Fact]
    public void Points_are_numbered_in_the_order_they_come()
    {
        var random = new Random(5);
        var (points, expected) = (new LatticePoints(), new Dictionary<long, int>());
        for (var n = 0; n < 100_000; n++)
        {
            var name = random.NextInt64(1L << (n % 60 + 1)) / 3;
            expected.TryAdd(name, expected.Count);
            Assert.Equal(expected[name], points.Add(name));
        }
        Assert.Equal(expected.Count, points.Count);
        Assert.All(expected, pair => Assert.Equal(pair.Value, points.Find(pair.Key)));
        Assert.Equal(-1, points.Find(-7));
    }

    [Fact]
    public void More_cells_than_a_number_can_name_are_refused()
    {
        float[] high = [.. Enumerable.Repeat(1e5f, 5)];
        var e = Assert.Throws<VolumeException>(() => new LatticeSimplex(new float[5], high));
        Assert.Equal(VolumeFault.TooLarge, e.Fault);
        Assert.Contains("5 dimensions", e.Message, StringComparison.Ordinal);
    }

    private static float[] Positions(int items, int dimensions, float spread)
    {
        var random = new Random(dimensions);
        return
        [
            .. Enumerable.Range(0, items * dimensions).Select(_ => spread * random.NextSingle()),
        ];
    }

    /// <summary>Smooth along the first axis, a step along the second.</summary>
    private static float[] Steps(float[] positions, int dimensions, float spread) =>
        [
            .. Enumerable
                .Range(0, positions.Length / dimensions)
                .Select(n =>
                    MathF.Sin(positions[n * dimensions])
                    + (positions[n * dimensions + 1] > spread / 2 ? 1 : 0)
                ),
        ];

    private static float[] Filtered(
        float[] positions,
        int dimensions,
        float[] values,
        int threads = 2
    )
    {
        var lattice = Lattice(positions, dimensions, threads);
        var means = new float[values.Length];
        lattice.Filter(values, means, lattice.Workspace<float>());
        return means;
    }

    private static PermutohedralLattice Lattice(float[] positions, int dimensions, int threads) =>
        new(
            positions.Length / dimensions,
            dimensions,
            (first, some) => positions.AsSpan(first * dimensions, some.Length).CopyTo(some),
            new() { MaxDegreeOfParallelism = threads }
        );
}
