using System.Numerics.Tensors;
using System.Security.Cryptography;
using Platform.Imaging;
using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// A small forest learnt from one image and its labels (Zikic 2014: atlas forests; Valindria 2017), that labels other images. The same image
/// and labels give the same forest, on any number of threads.
/// </summary>
internal sealed class AtlasForest
{
    /// <summary>Trees. Published atlas forests have up to 50 (Valindria 2017): each adds as much time, and the votes of 16 rank segmentations as well as was measured.</summary>
    private const int Trees = 16;

    /// <summary>Voxels of a structure that are learnt from, at most; of 2000, larger classes won too many votes (hippocampus: r 0.88 instead of 0.91).</summary>
    private const int MostSamples = 1000;

    /// <summary>How many times as many of background, which is more various (hippocampus: r 0.912, 0.916, 0.908 at 8, 4, 2).</summary>
    private const int Background = 4;

    /// <summary>Voxels described at a time: a tree stays in the cache while it answers for all of them.</summary>
    private const int Block = 1024;

    private readonly ContextBoxes _boxes;
    private readonly byte[] _labels;
    private readonly ForestTree[] _trees;

    private AtlasForest(ContextBoxes boxes, byte[] labels, ForestTree[] trees) =>
        (_boxes, _labels, _trees) = (boxes, labels, trees);

    /// <summary>Learns a forest.</summary>
    /// <param name="image">The image.</param>
    /// <param name="labels">Its labels, on its grid.</param>
    /// <param name="parallelism">Trees grown at a time.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    public static AtlasForest Grow(
        ContextImage image,
        Volume<byte> labels,
        int parallelism,
        CancellationToken cancellationToken
    )
    {
        var seed = Seed(image, labels);
        var random = new Random(seed);
        var boxes = new ContextBoxes(seed);
        var classes = image
            .Inside()
            .GroupBy(voxel => labels.Voxels[voxel])
            .OrderBy(voxels => voxels.Key)
            .Select(voxels =>
            {
                int[] all = [.. voxels];
                random.Shuffle(all);
                var most = voxels.Key == 0 ? Background * MostSamples : MostSamples;
                return (Label: voxels.Key, Voxels: all[..Math.Min(most, all.Length)]);
            })
            .ToArray();
        int[] chosen = [.. classes.SelectMany(c => c.Voxels)];
        var descriptions = new short[chosen.Length * ContextBoxes.Width];
        var reader = boxes.On(image);
        for (var n = 0; n < chosen.Length; n++)
        {
            reader.Read(chosen[n], descriptions.AsSpan(n * ContextBoxes.Width));
        }
        var samples = new ForestSamples(
            descriptions,
            [.. classes.SelectMany((c, n) => Enumerable.Repeat((byte)n, c.Voxels.Length))],
            classes.Length
        );
        var trees = new ForestTree[Trees];
        Parallel.For(
            0,
            Trees,
            new ParallelOptions
            {
                CancellationToken = cancellationToken,
                MaxDegreeOfParallelism = parallelism,
            },
            n => trees[n] = ForestTree.Grow(samples, seed + 1 + n, cancellationToken)
        );
        return new(boxes, [.. classes.Select(c => c.Label)], trees);
    }

    /// <summary>Labels an image: at each voxel what most trees say; 0 in the air around the body.</summary>
    /// <param name="image">Any image in RAS.</param>
    /// <param name="cancellationToken">Stops within about 0.1 s.</param>
    public Volume<byte> Label(ContextImage image, CancellationToken cancellationToken)
    {
        var labelled = new Volume<byte>(image.Levels.Geometry);
        var reader = _boxes.On(image);
        var descriptions = new short[Block * ContextBoxes.Width];
        var votes = new byte[Block * _labels.Length];
        foreach (var voxels in image.Inside().Chunk(Block))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Array.Clear(votes);
            for (var n = 0; n < voxels.Length; n++)
            {
                reader.Read(voxels[n], descriptions.AsSpan(n * ContextBoxes.Width));
            }
            foreach (var tree in _trees)
            {
                tree.Vote(descriptions, votes, _labels.Length);
            }
            for (var n = 0; n < voxels.Length; n++)
            {
                var most = TensorPrimitives.IndexOfMax<byte>(
                    votes.AsSpan(n * _labels.Length, _labels.Length)
                );
                labelled.Voxels[voxels[n]] = _labels[most];
            }
        }
        return labelled;
    }

    private static int Seed(ContextImage image, Volume<byte> labels)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(image.Levels.Voxels);
        hash.AppendData(labels.Voxels);
        return BitConverter.ToInt32(hash.GetHashAndReset());
    }
}
