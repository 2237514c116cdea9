using Platform.Imaging.Registration;

namespace Platform.Imaging.Tests.Registration;

public sealed class VelocityFieldTests
{
    /// <summary>Waves of 32 voxels and up to 3 voxels high, on shapes with and without a voxel beyond the last pair.</summary>
    [Theory]
    [InlineData(32, 28, 24)]
    [InlineData(33, 27, 25)]
    public void The_coarse_exponential_of_a_smooth_field_is_the_fine_one_to_a_fifth_of_a_voxel(
        int sizeI,
        int sizeJ,
        int sizeK
    )
    {
        var shape = (I: sizeI, J: sizeJ, K: sizeK);
        var velocity = Waves(shape, height: 3);
        var length = velocity.Length;
        var (fine, coarse) = (new float[length], new float[length]);
        VelocityField.Exponential(velocity, shape, 1, fine, new float[length]);
        var half = VelocityField.Half(shape);
        var room = 4 * half.I * half.J * half.K;
        VelocityField.CoarseExponential(
            velocity,
            shape,
            coarse,
            (new float[room], new float[room], new float[room])
        );
        double worst = 0,
            longest = 0;
        for (var n = 0; n < length; n++)
        {
            var voxel = n / 4;
            var (i, j, k) = (voxel % sizeI, voxel / sizeI % sizeJ, voxel / sizeI / sizeJ);
            var inner =
                i is > 3 && i < sizeI - 4 && j is > 3 && j < sizeJ - 4 && k is > 3 && k < sizeK - 4;
            longest = Math.Max(longest, Math.Abs(fine[n]));
            worst = inner ? Math.Max(worst, Math.Abs(fine[n] - coarse[n])) : worst;
        }
        Assert.True(longest > 2, $"the field moves by {longest:f2} voxels only");
        Assert.True(worst < 0.2, $"{worst:f3} voxels apart");
    }

    private static float[] Waves((int I, int J, int K) shape, float height)
    {
        var field = new float[4 * shape.I * shape.J * shape.K];
        var n = 0;
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++, n += 4)
                {
                    field[n] = height * MathF.Sin(j * MathF.Tau / 32);
                    field[n + 1] = height * MathF.Cos(k * MathF.Tau / 32);
                    field[n + 2] = height * MathF.Sin(i * MathF.Tau / 32);
                }
            }
        }
        return field;
    }
}
