using Platform.Imaging;
using Platform.Inference;
using Platform.Training.Networks;
using Platform.Training.Synthesis;
using TorchSharp;
using static TorchSharp.torch;

namespace Platform.Training;

/// <summary>
/// Super-resolution along the slice axis: thin slices are synthesised, blurred with a slice profile and decimated; the network
/// learns what the thin slices have beyond the cubic B-spline interpolation of the thick ones.
/// </summary>
public sealed class SuperResolutionTask : ITrainingTask
{
    /// <summary>Little: the maps that both outputs are made of serve the residual.</summary>
    private const double UncertaintyWeight = 0.02;

    private readonly Recipe _recipe;
    private readonly SliceSettings _slices;
    private readonly IThinSource _source;

    /// <param name="recipe">What to train; it has slice settings.</param>
    /// <param name="atlas">Label maps; those held out are not drawn from.</param>
    /// <param name="device">Where the network is trained; null: the CPU. Its first weights do not depend on it.</param>
    /// <exception cref="InvalidDataException">The recipe has no slice settings.</exception>
    public SuperResolutionTask(Recipe recipe, LabelAtlas atlas, Device? device = null)
        : this(recipe, new ThinHeads(recipe, atlas), device) { }

    /// <param name="recipe">What to train; it has slice settings.</param>
    /// <param name="source">Thin slices.</param>
    /// <param name="device">Where the network is trained; null: the CPU. Its first weights do not depend on it.</param>
    /// <exception cref="InvalidDataException">The recipe has no slice settings.</exception>
    public SuperResolutionTask(Recipe recipe, IThinSource source, Device? device = null)
    {
        (_recipe, _source) = (recipe, source);
        _slices = recipe.Slices ?? throw new InvalidDataException("the recipe has no slices");
        random.manual_seed(recipe.Seed);
        Network = new SuperResolutionNet(
            recipe.Network.Widths[0],
            recipe.Network.Widths.Count - 1,
            recipe.Network.OutputWidth,
            _slices.Factor,
            _slices.Uncertainty
        );
        Device = device ?? CPU;
        Network.to(Device);
    }

    /// <inheritdoc/>
    nn.Module<Tensor, Tensor> ITrainingTask.Network => Network;

    /// <inheritdoc/>
    public Device Device { get; }

    /// <summary>The network being trained.</summary>
    public SuperResolutionNet Network { get; }

    /// <inheritdoc/>
    public IEnumerable<Batch> Draw(long index)
    {
        var draw = new FastRandom(_recipe.Seed, index);
        var pair = Simulate(_source.Draw(draw), draw);
        for (var n = 0; n < _recipe.Optimisation.PatchesPerHead; n++)
        {
            yield return Cut(pair, draw);
        }
    }

    /// <summary>
    /// Smooth L1 of the residual; of the uncertainty the likelihood of the errors there are under a Laplace distribution of that scale
    /// (Kendall and Gal, NeurIPS 2017), by which the residual itself does not learn.
    /// </summary>
    public Tensor Loss(Tensor output, Tensor target)
    {
        using var scope = NewDisposeScope();
        var residual = output.slice(1, 0, 1, 1);
        var loss = nn.functional.smooth_l1_loss(residual, target, beta: 0.1);
        if (_slices.Uncertainty)
        {
            var logarithm = output.slice(1, 1, 2, 1);
            var error = (residual - target).abs().detach();
            loss += UncertaintyWeight * (error * (-logarithm).exp() + logarithm).mean();
        }
        return loss.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public string Probe() => HeldOut(1).ToString();

    /// <summary>Interpolation against interpolation plus residual, on synthetic heads of the held-out maps.</summary>
    public Fidelity HeldOut(int headsPerMap)
    {
        var all = new List<Fidelity>();
        for (var n = 0; n < _source.HeldOutMaps * headsPerMap; n++)
        {
            var draw = new FastRandom(_recipe.Seed + 1_000_003, n);
            all.Add(Compare(Simulate(_source.HeldOut(n % _source.HeldOutMaps, draw), draw)));
        }
        return new(
            all.Average(f => f.SplinePsnr),
            all.Average(f => f.NetworkPsnr),
            all.Average(f => f.SplineSsim),
            all.Average(f => f.NetworkSsim)
        );
    }

    private sealed record Pair(
        (int I, int J, int K) Thick,
        float[] Input,
        ThinSlices Truth,
        float[] Interpolated,
        float Deviation
    );

    private Pair Simulate(ThinSlices thin, FastRandom draw)
    {
        var truth = thin.Image;
        var spacing = _recipe.Generator.SpacingMm;
        var (factor, shape) = (_slices.Factor, truth.Geometry.Shape);
        var width = draw.Uniform(_slices.ProfileFwhm[0], _slices.ProfileFwhm[1]) * factor;
        var blurred = Filters.Gaussian(
            truth.Voxels,
            shape,
            2,
            width / SliceProfile.DeviationsPerFwhm
        );
        var slices = shape.K / factor;
        var thick = new Volume<float>(
            VolumeGeometry.Ras((shape.I, shape.J, slices), (spacing, spacing, spacing * factor)),
            Filters.SampleAt(blurred, shape, 2, slices, s => (s + 0.5) * factor - 0.5)
        );
        Shift(thick, _slices.ShiftMm / spacing, draw);
        Acquisition.AddNoise(thick.Voxels, _slices.Noise, draw);
        var percentiles = _recipe.Optimisation.Percentiles;
        var deviation = Normaliser.Measure(thick.Voxels, percentiles[0], percentiles[1]).Deviation;
        return new(
            thick.Geometry.Shape,
            Normaliser.Apply(thick, percentiles[0], percentiles[1]).Voxels,
            thin,
            Resampler
                .CubicBSpline(thick, SuperResolver.FineGeometry(thick.Geometry, factor))
                .Voxels,
            deviation
        );
    }

    /// <summary>Moves each slice within its plane by random fractions of voxels, as breath holds that differ do.</summary>
    private static void Shift(Volume<float> thick, double deviation, FastRandom draw)
    {
        if (deviation == 0)
        {
            return;
        }
        var (width, height, slices) = thick.Geometry.Shape;
        for (var k = 0; k < slices; k++)
        {
            var plane = thick.Voxels.AsSpan(width * height * k, width * height);
            var moved = plane.ToArray();
            for (var axis = 0; axis < 2; axis++)
            {
                var by = deviation * draw.Gaussian();
                moved = Filters.SampleAt(
                    moved,
                    (width, height, 1),
                    axis,
                    axis == 0 ? width : height,
                    position => position + by
                );
            }
            moved.CopyTo(plane);
        }
    }

    private Batch Cut(Pair pair, FastRandom draw)
    {
        var (patch, factor) = (_recipe.Optimisation.Patch, _slices.Factor);
        var (i0, j0, k0) = (
            draw.Next(pair.Thick.I - patch[0] + 1),
            draw.Next(pair.Thick.J - patch[1] + 1),
            draw.Next(pair.Thick.K - patch[2] + 1)
        );
        var input = new float[patch[0] * patch[1] * patch[2]];
        var target = new float[input.Length * factor];
        for (var k = 0; k < patch[2] * factor; k++)
        {
            for (var j = 0; j < patch[1]; j++)
            {
                var row = patch[0] * (j + patch[1] * k);
                var from = i0 + pair.Thick.I * (j0 + j + pair.Thick.J * (k0 * factor + k));
                for (var i = 0; i < patch[0]; i++)
                {
                    target[row + i] =
                        (pair.Truth.Image.Voxels[from + i] - pair.Interpolated[from + i])
                        / pair.Deviation;
                }
                if (k < patch[2])
                {
                    pair.Input.AsSpan(
                            i0 + pair.Thick.I * (j0 + j + pair.Thick.J * (k0 + k)),
                            patch[0]
                        )
                        .CopyTo(input.AsSpan(row));
                }
            }
        }
        return new(
            tensor(input, [1, 1, patch[2], patch[1], patch[0]]),
            tensor(target, [1, 1, patch[2] * factor, patch[1], patch[0]])
        );
    }

    private Fidelity Compare(Pair pair)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        using var input = tensor(
            pair.Input,
            [1, 1, pair.Thick.K, pair.Thick.J, pair.Thick.I],
            device: Device
        );
        var residual = Network
            .forward(input)
            .slice(1, 0, 1, 1)
            .contiguous()
            .cpu()
            .data<float>()
            .ToArray();
        var refined = new float[residual.Length];
        for (var n = 0; n < refined.Length; n++)
        {
            refined[n] = pair.Interpolated[n] + residual[n] * pair.Deviation;
        }
        return Fidelity.Of(pair.Truth, pair.Interpolated, refined);
    }
}
