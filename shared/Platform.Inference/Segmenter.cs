using Platform.Imaging;
using Platform.Imaging.RandomFields;

namespace Platform.Inference;

/// <summary>The network's scores over a box of its grid, channels first.</summary>
public sealed record Scores
{
    internal Scores(float[] logits, VolumeGeometry grid) => (Logits, Grid) = (logits, grid);

    /// <summary>By label value, how well runs on altered images agreed; null where none were asked for.</summary>
    internal IReadOnlyDictionary<int, double>? Agreement { get; init; }

    internal float[] Logits { get; }

    internal VolumeGeometry Grid { get; }
}

/// <summary>
/// Image → labels with a segmentation network: resampled to the network's grid and normalised, run by tiles, and turned
/// back to the image's own grid by interpolating scores, not labels. A dense CRF refines them on the network's grid where the manifest asks for it. The same image gives the same labels every time.
/// </summary>
/// <param name="model">A network whose task is segmentation.</param>
public sealed class Segmenter(OnnxModel model) : IVolumeModel<Scores, byte>
{
    /// <inheritdoc/>
    public PreparedImage Prepare(Volume<float> image) =>
        Prepare([
            image,
            .. model.Manifest.Input.OptionalChannels.Select(_ => (Volume<float>?)null),
        ]);

    /// <summary>Brings the images of several channels to the network's grid and normalises each there.</summary>
    /// <param name="images">As many as the network has channels, in their order, on one grid; null where an optional one is missing.</param>
    /// <exception cref="ArgumentException">Another number of images, or none where the channel is required.</exception>
    /// <exception cref="VolumeException">A non-finite voxel, no contrast, or images on different grids.</exception>
    public PreparedImage Prepare(IReadOnlyList<Volume<float>?> images) =>
        PreparedImage.Make(images, model.Manifest.Input);

    /// <inheritdoc/>
    public Scores Infer(PreparedImage prepared, CancellationToken cancellationToken)
    {
        var scores = Run(prepared, cancellationToken);
        return model.Manifest.Quality?.Agreement is { Count: > 0 } alterations
            ? scores with
            {
                Agreement = SegmentationAgreement.Of(
                    model.Manifest.Labels,
                    Classes(scores),
                    alterations.Select(alteration =>
                    {
                        var altered = SegmentationAgreement.Alter(prepared, alteration);
                        var classes = Classes(Run(altered, cancellationToken));
                        return SegmentationAgreement.Undo(classes, alteration);
                    })
                ),
            }
            : scores;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<int, double>? Agreement(Scores raw) => raw.Agreement;

    private Scores Run(PreparedImage prepared, CancellationToken cancellationToken)
    {
        var logits = TiledRun.Run(model, prepared, cancellationToken);
        if (model.Manifest.Crf is { } options)
        {
            var (channels, region) = prepared.Cut();
            DenseCrf.Refine(
                logits,
                channels,
                region,
                options,
                cancellationToken: cancellationToken
            );
        }
        return new(logits, prepared.BoxGeometry);
    }

    /// <summary>Scores → labels: islands dropped, sides told apart, on the image's own grid.</summary>
    /// <param name="image">The image given to <see cref="Prepare(Volume{float})"/>.</param>
    /// <param name="scores">From <see cref="Infer"/>. Changed: islands are suppressed in place.</param>
    public Volume<byte> Restore(Volume<float> image, Scores scores)
    {
        var labels = model.Manifest.Labels;
        var classes = Classes(scores);
        if (model.Manifest.LargestForegroundOnly)
        {
            Islands.KeepLargestForeground(scores.Logits, classes);
        }
        int[] sided = [.. labels.Where(l => l.Side is not null).Select(l => l.Channel).Distinct()];
        MidsagittalPlane? plane = sided.Length > 0 ? MidsagittalPlane.Estimate(classes) : null;
        Islands.Suppress(
            scores.Logits,
            classes,
            [.. labels.Where(l => l.LargestComponentOnly).Select(l => l.Channel).Distinct()],
            plane,
            sided
        );
        var (left, right) = (new byte[256], new byte[256]);
        foreach (var label in labels)
        {
            left[label.Channel] = label.Side == "right" ? left[label.Channel] : (byte)label.Value;
            right[label.Channel] = label.Side == "left" ? right[label.Channel] : (byte)label.Value;
        }
        var restored = LabelResampler.ArgmaxLinear(scores.Logits, scores.Grid, image.Geometry);
        Assign(restored, left, right, plane);
        return restored;
    }

    /// <summary>The channel with the largest score in each voxel of the network's grid.</summary>
    private static Volume<byte> Classes(Scores scores)
    {
        var voxels = (int)scores.Grid.VoxelCount;
        var (classes, best) = (new byte[voxels], scores.Logits.AsSpan(0, voxels).ToArray());
        for (var channel = 1; channel < scores.Logits.Length / voxels; channel++)
        {
            var values = scores.Logits.AsSpan(channel * voxels, voxels);
            for (var n = 0; n < values.Length; n++)
            {
                if (values[n] > best[n])
                {
                    best[n] = values[n];
                    classes[n] = (byte)channel;
                }
            }
        }
        return new Volume<byte>(scores.Grid, classes);
    }

    /// <summary>Channels become label values, by side of the plane where there is one.</summary>
    private static void Assign(
        Volume<byte> labels,
        byte[] left,
        byte[] right,
        MidsagittalPlane? plane
    )
    {
        var geometry = labels.Geometry;
        var (sizeI, sizeJ, sizeK) = geometry.Shape;
        Parallel.For(
            0,
            sizeK,
            k =>
            {
                for (var j = 0; j < sizeJ; j++)
                {
                    var row = labels.Voxels.AsSpan((k * sizeJ + j) * sizeI, sizeI);
                    var start = plane?.Distance(geometry.ToWorld(0, j, k)) ?? 0;
                    var end = plane?.Distance(geometry.ToWorld(sizeI, j, k)) ?? 0;
                    for (var i = 0; i < row.Length; i++)
                    {
                        row[i] = (start + (end - start) * i / sizeI > 0 ? right : left)[row[i]];
                    }
                }
            }
        );
    }
}
