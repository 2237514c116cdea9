using Platform.Imaging;

namespace Platform.Inference;

/// <summary>What a network makes of an image, in three steps: only the middle one needs the network, so the others may run beside it.</summary>
/// <typeparam name="TRaw">What the network gives.</typeparam>
/// <typeparam name="TVoxel">Voxels of the result.</typeparam>
public interface IVolumeModel<TRaw, TVoxel>
    where TVoxel : unmanaged
{
    /// <summary>Brings an image to the network's grid and normalises it there.</summary>
    /// <param name="image">Any grid and orientation, any units.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    PreparedImage Prepare(Volume<float> image);

    /// <summary>Runs the network.</summary>
    TRaw Infer(PreparedImage prepared, CancellationToken cancellationToken);

    /// <summary>What the network gave → the result.</summary>
    /// <param name="image">The image given to <see cref="Prepare"/>.</param>
    /// <param name="raw">From <see cref="Infer"/>; may be changed.</param>
    Volume<TVoxel> Restore(Volume<float> image, TRaw raw);

    /// <summary>By label value, how well runs on altered images agreed; null where the model's manifest does not ask for it.</summary>
    /// <param name="raw">From <see cref="Infer"/>.</param>
    IReadOnlyDictionary<int, double>? Agreement(TRaw raw) => null;

    /// <summary>The mean absolute error the network expects of every voxel of the result, in the image's units; null where it does not say.</summary>
    /// <param name="image">The image given to <see cref="Prepare"/>.</param>
    /// <param name="raw">From <see cref="Infer"/>.</param>
    Volume<float>? Uncertainty(Volume<float> image, TRaw raw) => null;

    /// <summary>How far the result is from what was acquired, over the image's standard deviation; null where it is no image.</summary>
    /// <param name="image">The image given to <see cref="Prepare"/>.</param>
    /// <param name="result">From <see cref="Restore"/>.</param>
    double? Deviation(Volume<float> image, Volume<TVoxel> result) => null;
}

/// <summary>A result, and seconds by step: "prepare", "infer", "restore".</summary>
public sealed record ModelResult<TVoxel>(
    Volume<TVoxel> Volume,
    IReadOnlyDictionary<string, double> Seconds
)
    where TVoxel : unmanaged;

/// <summary>The three steps in a row.</summary>
public static class VolumeModels
{
    /// <summary>Image → result. The same image gives the same result every time.</summary>
    /// <param name="model">What runs.</param>
    /// <param name="image">Any grid and orientation, any units.</param>
    /// <param name="cancellationToken">Stops the network.</param>
    /// <exception cref="VolumeException">A non-finite voxel, or no contrast.</exception>
    public static ModelResult<TVoxel> Run<TRaw, TVoxel>(
        this IVolumeModel<TRaw, TVoxel> model,
        Volume<float> image,
        CancellationToken cancellationToken = default
    )
        where TVoxel : unmanaged
    {
        var watch = new StepWatch();
        var prepared = watch.Time("prepare", () => model.Prepare(image));
        var raw = watch.Time("infer", () => model.Infer(prepared, cancellationToken));
        return new(watch.Time("restore", () => model.Restore(image, raw)), watch.Seconds);
    }
}
