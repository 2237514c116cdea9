using Platform.Inference;

namespace Platform.Qc;

/// <summary>
/// The boxes an atlas forest looks at, seen from a voxel: their offsets and sizes are in mm, so that they cover the same anatomy whatever the
/// grid. A voxel is described by the mean level of each and by its place; the trees ask for one of them, or for how much two boxes differ
/// (Zikic 2014).
/// </summary>
internal sealed class ContextBoxes
{
    /// <summary>Boxes of a forest; with twice as many r rises by less than 0.01, and describing voxels takes twice as long.</summary>
    public const int Count = 32;

    /// <summary>Entries of a description: one that is always 0, the boxes, the place along i, j and k.</summary>
    public const int Width = 1 + Count + 3;

    /// <summary>Largest distance of a box's centre, mm; what lies 40 mm away is another place in another person (hippocampus: r 0.77 instead of 0.9).</summary>
    private const double FarthestMm = 15;

    /// <summary>Least half an edge of a box, mm: below, it is one voxel.</summary>
    private const double LeastHalfMm = 1;

    private readonly (double[] Offset, double Half)[] _boxes;

    /// <summary>Draws the boxes: as many near as far, the far ones larger.</summary>
    public ContextBoxes(int seed)
    {
        var random = new Random(seed);
        _boxes =
        [
            .. Enumerable
                .Range(0, Count)
                .Select(n =>
                {
                    // The first ones lie around the voxel itself.
                    var distance = n < 4 ? 0 : Logarithmic(2, FarthestMm);
                    var half = n < 4 ? n * n : Logarithmic(LeastHalfMm, Math.Max(2, distance / 2));
                    double[] direction = [Draw(), Draw(), Draw()];
                    var norm = Math.Sqrt(direction.Sum(d => d * d)) + 1e-9;
                    return (direction.Select(d => distance * d / norm).ToArray(), half);
                }),
        ];

        double Draw() => 2 * random.NextDouble() - 1;
        double Logarithmic(double least, double most) =>
            least * Math.Pow(most / least, random.NextDouble());
    }

    /// <summary>The boxes on an image's grid, and the sums that make their means cheap (integral volume): 4 bytes a voxel.</summary>
    public Reader On(ContextImage image) => new(image, _boxes);

    /// <summary>Describes voxels of one image; safe to use from several threads.</summary>
    public sealed class Reader
    {
        /// <summary>Steps of a level in a description, and of a hundredth of the frame in a place.</summary>
        private const float Fine = 64;

        private readonly ContextImage _image;
        private readonly int[] _sums;
        private readonly Box[] _boxes;
        private readonly (int I, int J, int K) _shape;
        private readonly int _row;
        private readonly int _slice;

        public Reader(ContextImage image, (double[] Offset, double Half)[] boxes)
        {
            _image = image;
            _shape = image.Levels.Geometry.Shape;
            (_row, _slice) = (_shape.I + 1, (_shape.I + 1) * (_shape.J + 1));
            var spacing = image.Levels.Geometry.Spacing;
            _boxes =
            [
                .. boxes.Select(box => new Box(
                    Edge(box.Offset[0], box.Half, spacing.I),
                    Edge(box.Offset[1], box.Half, spacing.J),
                    Edge(box.Offset[2], box.Half, spacing.K)
                )),
            ];
            // A sum over 8 million voxels of level 255 fits; larger ones wrap round, and so do their differences, to the right value.
            _sums = new int[_slice * (_shape.K + 1)];
            var n = 0;
            for (var k = 0; k < _shape.K; k++)
            {
                for (var j = 0; j < _shape.J; j++)
                {
                    var at = _slice * (k + 1) + _row * (j + 1) + 1;
                    var line = 0;
                    for (var i = 0; i < _shape.I; i++, n++, at++)
                    {
                        line += image.Levels.Voxels[n];
                        _sums[at] =
                            line
                            + _sums[at - _row]
                            + _sums[at - _slice]
                            - _sums[at - _row - _slice];
                    }
                }
            }

            static (int Low, int High) Edge(double offset, double half, double spacing)
            {
                var (centre, reach) = ((int)Math.Round(offset / spacing), (int)(half / spacing));
                return (centre - reach, centre + reach + 1);
            }
        }

        /// <summary>Writes the <see cref="Width"/> entries that describe a voxel. A box beyond the image is the image's border there.</summary>
        public void Read(int voxel, Span<short> description)
        {
            var jk = voxel / _shape.I;
            var (i, j, k) = (voxel - jk * _shape.I, jk % _shape.J, jk / _shape.J);
            description[0] = 0;
            for (var n = 0; n < _boxes.Length; n++)
            {
                var box = _boxes[n];
                var (i0, i1) = Within(i, box.I, _shape.I);
                var (j0, j1) = Within(j, box.J, _shape.J);
                var (k0, k1) = Within(k, box.K, _shape.K);
                int a = k0 * _slice + j0 * _row,
                    b = k0 * _slice + j1 * _row,
                    c = k1 * _slice + j0 * _row,
                    d = k1 * _slice + j1 * _row;
                var sum =
                    _sums[d + i1]
                    - _sums[d + i0]
                    - _sums[c + i1]
                    + _sums[c + i0]
                    - _sums[b + i1]
                    + _sums[b + i0]
                    + _sums[a + i1]
                    - _sums[a + i0];
                description[1 + n] = (short)(Fine * sum / ((i1 - i0) * (j1 - j0) * (k1 - k0)));
            }
            description[1 + Count] = Place(i, 0);
            description[2 + Count] = Place(j, 1);
            description[3 + Count] = Place(k, 2);
        }

        private static (int From, int To) Within(int at, (int Low, int High) edge, int size)
        {
            var from = Math.Clamp(at + edge.Low, 0, size - 1);
            return (from, Math.Clamp(at + edge.High, from + 1, size));
        }

        private short Place(int at, int axis)
        {
            var (first, size) = _image.Frame[axis];
            return (short)
                Math.Clamp(100 * Fine * (at - first) / size, short.MinValue, short.MaxValue);
        }

        private readonly record struct Box(
            (int Low, int High) I,
            (int Low, int High) J,
            (int Low, int High) K
        );
    }
}
