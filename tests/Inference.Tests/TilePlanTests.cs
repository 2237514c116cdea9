using Platform.Inference;

namespace Inference.Tests;

public sealed class TilePlanTests
{
    [Fact]
    public void Every_voxel_is_taken_once_from_a_tile_in_which_it_lies_a_halo_deep()
    {
        foreach (var length in Enumerable.Range(1, 260))
        {
            foreach (
                var (max, multiple, halo) in new[]
                {
                    (64, 8, 8),
                    (45, 3, 8),
                    (32, 1, 3),
                    (96, 16, 20),
                }
            )
            {
                foreach (var context in new[] { 0, halo })
                {
                    Check(length, max, multiple, halo, context);
                }
            }
        }
    }

    [Theory]
    [InlineData(90, 128, 8, 16, 96)]
    [InlineData(5, 128, 8, 16, 8)]
    [InlineData(128, 128, 8, 16, 128)]
    public void A_volume_that_fits_is_one_tile_of_the_next_multiple(
        int length,
        int max,
        int multiple,
        int halo,
        int size
    )
    {
        var plan = TilePlan.Fit(length, max, multiple, halo, 0);
        Assert.Single(plan.Tiles);
        Assert.Equal(size, plan.Size);
    }

    [Fact]
    public void Tiles_are_fitted_to_the_volume_instead_of_rounding_their_number_up()
    {
        // 130 voxels by fixed tiles of 96 with a halo of 8 are two tiles, 192 computed; fitted, 2 × 80.
        var plan = TilePlan.Fit(130, 96, 8, 8, 0);
        Assert.Equal((80, 2), (plan.Size, plan.Tiles.Count));
    }

    private static void Check(int length, int max, int multiple, int halo, int context)
    {
        var plan = TilePlan.Fit(length, max, multiple, halo, context);
        Assert.True(plan.Size <= max && plan.Size % multiple == 0);
        var next = 0;
        foreach (var tile in plan.Tiles)
        {
            Assert.Equal(next, tile.From);
            Assert.True(tile.To > tile.From);
            Assert.Equal(0, (tile.Start + context) % multiple);
            var atStart = tile.From == 0 ? context : halo;
            var atEnd = tile.To == length ? context : halo;
            Assert.True(tile.From - tile.Start >= atStart, $"{length} {plan}");
            Assert.True(tile.Start + plan.Size - tile.To >= atEnd, $"{length} {plan}");
            next = tile.To;
        }
        Assert.Equal(length, next);
    }
}
