using System.Numerics.Tensors;

namespace Platform.Qc;

/// <summary>What a forest is learnt from.</summary>
/// <param name="Descriptions">Samples × <see cref="ContextBoxes.Width"/>.</param>
/// <param name="Classes">The class of each sample, from 0.</param>
/// <param name="ClassCount">How many classes there are.</param>
internal sealed record ForestSamples(short[] Descriptions, byte[] Classes, int ClassCount)
{
    public int this[int sample, int entry] => Descriptions[sample * ContextBoxes.Width + entry];
}

/// <summary>
/// A tree of an atlas forest (Zikic 2014): a node asks whether one entry of a voxel's description, or the difference of two, exceeds a
/// threshold; of random questions the one that parts the samples' classes best is kept. It grows until every leaf is of one class: with leaves of 8 or
/// 30 samples that hold shares of voxels, small structures are lost (hippocampus: r 0.89 and less instead of 0.91).
/// </summary>
internal sealed class ForestTree
{
    /// <summary>Voxels that go down a tree side by side: each waits for its own loads, not for the others'.</summary>
    public const int Abreast = 4;

    private readonly Node[] _nodes;

    private ForestTree(Node[] nodes) => _nodes = nodes;

    /// <summary>Grows a tree; the same seed gives the same one.</summary>
    public static ForestTree Grow(
        ForestSamples samples,
        int seed,
        CancellationToken cancellationToken
    )
    {
        var grower = new Grower(samples, seed, cancellationToken);
        grower.Split(0, 0, samples.Classes.Length, depth: 0);
        return new([.. grower.Nodes]);
    }

    /// <summary>Gives, for each voxel, one vote to the class of the leaf its description falls into.</summary>
    /// <param name="descriptions">Voxels × <see cref="ContextBoxes.Width"/>, a multiple of <see cref="Abreast"/> voxels.</param>
    /// <param name="votes">Voxels × classes.</param>
    /// <param name="classes">How many classes there are.</param>
    public void Vote(ReadOnlySpan<short> descriptions, Span<byte> votes, int classes)
    {
        const int Width = ContextBoxes.Width;
        ReadOnlySpan<Node> nodes = _nodes;
        for (var first = 0; first < votes.Length; first += Abreast * classes)
        {
            int a = 0,
                b = 0,
                c = 0,
                d = 0,
                was;
            // A leaf leads to itself.
            do
            {
                was = a + b + c + d;
                a = nodes[a].Next(descriptions[..Width]);
                b = nodes[b].Next(descriptions.Slice(Width, Width));
                c = nodes[c].Next(descriptions.Slice(2 * Width, Width));
                d = nodes[d].Next(descriptions.Slice(3 * Width, Width));
            } while (a + b + c + d != was);
            votes[first + nodes[a].Class]++;
            votes[first + classes + nodes[b].Class]++;
            votes[first + 2 * classes + nodes[c].Class]++;
            votes[first + 3 * classes + nodes[d].Class]++;
            descriptions = descriptions[(Abreast * Width)..];
        }
    }

    /// <summary>Whether entry A less entry B exceeds the threshold: on to the second node, else to the first. A leaf leads to itself.</summary>
    private readonly record struct Node(short A, short B, int Threshold, int First, int Class)
    {
        public int Next(ReadOnlySpan<short> description) =>
            First + (description[A] - description[B] > Threshold ? 1 : 0);
    }

    private sealed class Grower(
        ForestSamples samples,
        int seed,
        CancellationToken cancellationToken
    )
    {
        /// <summary>Deepest node (Valindria 2017).</summary>
        private const int MostDepth = 30;

        /// <summary>Questions tried at a node; twice as many cost a quarter more time for r 0.004 (hippocampus).</summary>
        private const int Questions = 40;

        /// <summary>Share of questions about the place (brains of 23 structures: r 0.78, 0.81, 0.79 at 5, 15, 30 %).</summary>
        private const double Places = 0.15;

        private readonly Random _random = new(seed);
        private readonly int[] _order = [.. Enumerable.Range(0, samples.Classes.Length)];
        private readonly int[] _all = new int[samples.ClassCount];
        private readonly int[] _above = new int[samples.ClassCount];

        public List<Node> Nodes { get; } = [default];

        /// <summary>Parts the samples first … last − 1 of the order, or makes a leaf of them.</summary>
        public void Split(int node, int first, int last, int depth)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var order = _order.AsSpan(first, last - first);
            Array.Clear(_all);
            foreach (var sample in order)
            {
                _all[samples.Classes[sample]]++;
            }
            var most = TensorPrimitives.IndexOfMax<int>(_all);
            if (_all[most] == order.Length || depth == MostDepth || Best(order) is not { } best)
            {
                Nodes[node] = new(0, 0, int.MaxValue, node, most);
                return;
            }
            var next = Nodes.Count;
            Nodes[node] = best with { First = next };
            Nodes.AddRange([default, default]);
            var middle = first + Part(order, best);
            Split(next, first, middle, depth + 1);
            Split(next + 1, middle, last, depth + 1);
        }

        /// <summary>The question that leaves the classes purest on both sides (Gini); null where none parts the samples.</summary>
        private Node? Best(ReadOnlySpan<int> order)
        {
            Node? best = null;
            var purest = 0.0;
            for (var question = 0; question < Questions; question++)
            {
                var (a, b) = Draw();
                var chosen = order[_random.Next(order.Length)];
                var threshold = samples[chosen, a] - samples[chosen, b];
                Array.Clear(_above);
                foreach (var sample in order)
                {
                    if (samples[sample, a] - samples[sample, b] > threshold)
                    {
                        _above[samples.Classes[sample]]++;
                    }
                }
                var (count, above, below) = (0, 0.0, 0.0);
                for (var n = 0; n < _above.Length; n++)
                {
                    count += _above[n];
                    above += (double)_above[n] * _above[n];
                    below += (double)(_all[n] - _above[n]) * (_all[n] - _above[n]);
                }
                var purity = count == 0 ? 0 : above / count + below / (order.Length - count);
                if (purity > purest)
                {
                    (purest, best) = (purity, new Node(a, b, threshold, 0, 0));
                }
            }
            return best;
        }

        /// <summary>A place, a box, or how much two boxes differ.</summary>
        private (short A, short B) Draw()
        {
            if (_random.NextDouble() < Places)
            {
                return ((short)(ContextBoxes.Width - 1 - _random.Next(3)), 0);
            }
            var a = 1 + _random.Next(ContextBoxes.Count);
            var b = _random.Next(2) == 0 ? 0 : 1 + _random.Next(ContextBoxes.Count);
            return ((short)a, (short)b);
        }

        private int Part(Span<int> order, Node node)
        {
            var (low, high) = (0, order.Length);
            while (low < high)
            {
                if (samples[order[low], node.A] - samples[order[low], node.B] > node.Threshold)
                {
                    high--;
                    (order[low], order[high]) = (order[high], order[low]);
                }
                else
                {
                    low++;
                }
            }
            return low;
        }
    }
}
