using System.Numerics.Tensors;
using Platform.Inference;

namespace Platform.Training.Synthesis;

/// <summary>What a scanner makes of a head: bias field, gamma, coarser resolution, noise.</summary>
/// <param name="settings">Ranges.</param>
public sealed class Acquisition(GeneratorSettings settings)
{
    /// <summary>The head as it is imaged.</summary>
    /// <param name="image">Changed in place; what is returned may be another array.</param>
    /// <param name="shape">Voxels along i, j, k.</param>
    /// <param name="random">The sample's own stream.</param>
    public float[] Apply(float[] image, (int I, int J, int K) shape, FastRandom random)
    {
        Shade(image, shape, random);
        image = Coarsen(image, shape, random);
        AddNoise(image, settings.Noise, random);
        return image;
    }

    /// <summary>Bias field and gamma.</summary>
    private void Shade(float[] image, (int I, int J, int K) shape, FastRandom random)
    {
        var bias = new SmoothField(
            shape,
            70 / settings.SpacingMm,
            settings.Bias * random.Uniform(),
            random
        );
        var gamma = (float)Math.Exp(settings.Gamma * random.Gaussian());
        var row = new float[shape.I];
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                bias.Row(j, k, row);
                TensorPrimitives.Exp(row, row);
                var line = image.AsSpan(shape.I * (j + shape.J * k), shape.I);
                TensorPrimitives.Pow(line, gamma, line);
                TensorPrimitives.Multiply(line, row, line);
            }
        }
    }

    private float[] Coarsen(float[] image, (int I, int J, int K) shape, FastRandom random)
    {
        var spacing = settings.SpacingMm;
        var kind = random.Uniform();
        var blur = random.Uniform(0, 0.6);
        for (var axis = 0; axis < 3; axis++)
        {
            image = Filters.Gaussian(image, shape, axis, blur);
        }
        if (kind < settings.ThickFraction)
        {
            var axis = random.Next(3);
            return Thicken(image, axis, random.Uniform(1.5 * spacing, settings.ThickestMm));
        }
        if (kind < settings.ThickFraction + settings.CoarseFraction)
        {
            var thickness = random.Uniform(spacing, settings.CoarsestMm);
            for (var axis = 0; axis < 3; axis++)
            {
                image = Thicken(image, axis, thickness);
            }
        }
        return image;

        float[] Thicken(float[] voxels, int axis, double thickness)
        {
            var step = thickness / spacing;
            // A voxel of the grid is itself an average: the profile adds in squares.
            var sigma = Math.Sqrt(Math.Max(0, step * step - 1)) / SliceProfile.DeviationsPerFwhm;
            var blurred = Filters.Gaussian(voxels, shape, axis, sigma);
            return Filters.Coarsen(blurred, shape, axis, step, random.Uniform(0, step));
        }
    }

    /// <summary>Rician noise: Gaussian where there is signal, its magnitude in air.</summary>
    /// <param name="image">Changed in place.</param>
    /// <param name="largest">Largest standard deviation.</param>
    /// <param name="random">Source.</param>
    public static void AddNoise(float[] image, double largest, FastRandom random)
    {
        var deviation = (float)(largest * random.Uniform() * random.Uniform());
        var noise = new float[image.Length];
        random.FillGaussian(noise);
        for (var n = 0; n < image.Length; n++)
        {
            // Exactly empty voxels stay so: masked backgrounds carry no noise.
            image[n] = image[n] == 0 ? 0 : Math.Abs(image[n] + deviation * noise[n]);
        }
    }
}
