using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Platform.Training.Networks;

/// <summary>Where an image is from.</summary>
public enum Domain
{
    /// <summary>Labelled.</summary>
    Source,

    /// <summary>Unlabelled.</summary>
    Target,
}

/// <summary>
/// A segmenter and the adversary that sees its maps. Weights are shared by the domains, batch normalisation's statistics are each
/// domain's own: shared ones would be a mixture that neither domain has at inference, and would let the segmenter tell them apart by it.
/// </summary>
public sealed class AdversarialNet : Module<Tensor, Tensor>
{
    private readonly BatchNorm3d[] _normalisations;
    private readonly (Tensor Mean, Tensor Variance)[][] _statistics;

    /// <param name="segmenter">What is exported.</param>
    public AdversarialNet(StructureNet segmenter)
        : base(nameof(AdversarialNet))
    {
        Segmenter = segmenter;
        Adversary = new(segmenter.MapWidths.Sum());
        RegisterComponents();
        _normalisations = [.. segmenter.modules().OfType<BatchNorm3d>()];
        _statistics =
        [
            .. Enum.GetValues<Domain>()
                .Select(domain =>
                    _normalisations
                        .Select(
                            (norm, n) =>
                                (
                                    Keep($"{domain}_mean{n}", norm.running_mean!),
                                    Keep($"{domain}_variance{n}", norm.running_var!)
                                )
                        )
                        .ToArray()
                ),
        ];

        Tensor Keep(string name, Tensor value)
        {
            var kept = value.clone();
            register_buffer(name, kept);
            return kept;
        }
    }

    /// <summary>The network that is exported.</summary>
    public StructureNet Segmenter { get; }

    /// <summary>The network that is not.</summary>
    public DomainDiscriminator Adversary { get; }

    /// <summary>Logits of the segmenter with the statistics last used.</summary>
    public override Tensor forward(Tensor input) => Segmenter.forward(input);

    /// <summary>Logits of the classes and of the domain.</summary>
    /// <param name="input">Images of one domain.</param>
    /// <param name="domain">Which.</param>
    /// <param name="weight">α: what the adversary's gradient is reversed with where it reaches the segmenter.</param>
    public (Tensor Classes, Tensor Domain) Tell(Tensor input, Domain domain, double weight)
    {
        Use(domain);
        using var scope = NewDisposeScope();
        var (logits, maps) = Segmenter.ForwardWithMaps(input);
        var told = Adversary.forward([.. maps.Select(map => GradientReversal.Of(map, weight))]);
        return (logits.MoveToOuterDisposeScope(), told.MoveToOuterDisposeScope());
    }

    /// <summary>Logits of the classes alone.</summary>
    /// <inheritdoc cref="Tell"/>
    public Tensor Segment(Tensor input, Domain domain)
    {
        Use(domain);
        return Segmenter.forward(input);
    }

    /// <summary>The segmenter normalises by a domain's statistics, and while it trains changes them, until it is told otherwise.</summary>
    public void Use(Domain domain)
    {
        foreach (var (norm, (mean, variance)) in _normalisations.Zip(_statistics[(int)domain]))
        {
            // The same memory: a copy back and forth would change what the other domain's gradient is yet to be computed from.
            norm.running_mean = mean.detach().DetachFromDisposeScope();
            norm.running_var = variance.detach().DetachFromDisposeScope();
        }
    }
}
