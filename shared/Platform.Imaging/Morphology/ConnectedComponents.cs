using System.Runtime.InteropServices;

namespace Platform.Imaging;

/// <summary>Which voxels touch.</summary>
public enum Connectivity
{
    /// <summary>A shared face.</summary>
    Faces = 6,

    /// <summary>A shared face or edge.</summary>
    Edges = 18,

    /// <summary>A shared face, edge or corner.</summary>
    Corners = 26,
}

/// <summary>
/// Connected components of a label map: voxels of the same non-zero label that touch. Rows are cut into runs, runs of neighbouring rows are
/// joined by union–find, so the work is in the number of runs, not of voxels.
/// </summary>
public sealed class ConnectedComponents
{
    private readonly Run[] _runs;
    private readonly int[] _component;
    private readonly VolumeGeometry _geometry;

    private ConnectedComponents(
        VolumeGeometry geometry,
        Run[] runs,
        int[] component,
        Component[] components
    )
    {
        (_geometry, _runs, _component, Components) = (geometry, runs, component, components);
    }

    private readonly record struct Run(int Row, int From, int To, byte Label);

    /// <summary>One component.</summary>
    /// <param name="Label">Its label.</param>
    /// <param name="Voxels">Its size.</param>
    public readonly record struct Component(byte Label, long Voxels);

    /// <summary>The components, in the order of their first voxels.</summary>
    public IReadOnlyList<Component> Components { get; }

    /// <summary>Finds all components.</summary>
    public static ConnectedComponents Find(
        Volume<byte> labels,
        Connectivity connectivity = Connectivity.Corners
    )
    {
        var (runs, rowStart) = Runs(labels);
        var parent = new int[runs.Length];
        for (var n = 0; n < parent.Length; n++)
        {
            parent[n] = n;
        }
        var (_, nj, nk) = labels.Geometry.Shape;
        // How far apart in i two runs may be and still touch: along one neighbouring axis, and along two.
        var near = connectivity == Connectivity.Faces ? 0 : 1;
        var far = connectivity == Connectivity.Corners ? 1 : 0;
        for (var k = 0; k < nk; k++)
        {
            for (var j = 0; j < nj; j++)
            {
                var row = j + nj * k;
                if (j > 0)
                {
                    Join(runs, rowStart, parent, row, row - 1, near);
                }
                if (k == 0)
                {
                    continue;
                }
                Join(runs, rowStart, parent, row, row - nj, near);
                if (connectivity != Connectivity.Faces && j > 0)
                {
                    Join(runs, rowStart, parent, row, row - nj - 1, far);
                }
                if (connectivity != Connectivity.Faces && j + 1 < nj)
                {
                    Join(runs, rowStart, parent, row, row - nj + 1, far);
                }
            }
        }
        return Number(labels.Geometry, runs, parent);
    }

    /// <summary>Of each label keeps only its largest component; the rest becomes 0.</summary>
    public static Volume<byte> KeepLargest(
        Volume<byte> labels,
        Connectivity connectivity = Connectivity.Corners
    )
    {
        var found = Find(labels, connectivity);
        var largest = new int[256];
        for (var n = found.Components.Count - 1; n >= 0; n--)
        {
            ref var best = ref largest[found.Components[n].Label];
            if (best == 0 || found.Components[n].Voxels >= found.Components[best - 1].Voxels)
            {
                best = n + 1;
            }
        }
        return found.Where((n, component) => largest[component.Label] == n);
    }

    /// <summary>By component, in the order of <see cref="Components"/>, whether another map on the same grid is not 0 in one of its voxels.</summary>
    /// <exception cref="ArgumentException">The maps have different shapes.</exception>
    public bool[] Touch(Volume<byte> other)
    {
        if (other.Geometry.Shape != _geometry.Shape)
        {
            throw new ArgumentException(
                $"shapes {_geometry.Shape} and {other.Geometry.Shape} differ",
                nameof(other)
            );
        }
        var touched = new bool[Components.Count];
        for (var n = 0; n < _runs.Length; n++)
        {
            touched[_component[n] - 1] |= RowOf(other.Voxels, _runs[n]).ContainsAnyExcept((byte)0);
        }
        return touched;
    }

    /// <summary>The labels of the components that are kept; the rest is 0.</summary>
    /// <param name="keep">Gets a component's number (from 1) and the component.</param>
    public Volume<byte> Where(Func<int, Component, bool> keep)
    {
        var kept = Components.Select((component, n) => keep(n + 1, component)).ToArray();
        var result = new Volume<byte>(_geometry);
        for (var n = 0; n < _runs.Length; n++)
        {
            if (kept[_component[n] - 1])
            {
                RowOf(result.Voxels, _runs[n]).Fill(_runs[n].Label);
            }
        }
        return result;
    }

    /// <summary>Each voxel's component, from 1; 0 is background.</summary>
    public Volume<int> ToVolume()
    {
        var result = new Volume<int>(_geometry);
        for (var n = 0; n < _runs.Length; n++)
        {
            RowOf(result.Voxels, _runs[n]).Fill(_component[n]);
        }
        return result;
    }

    private Span<T> RowOf<T>(T[] voxels, Run run) =>
        voxels.AsSpan(run.Row * _geometry.Shape.I + run.From, run.To - run.From);

    private static (Run[] Runs, int[] RowStart) Runs(Volume<byte> labels)
    {
        var (ni, nj, nk) = labels.Geometry.Shape;
        var planes = new List<Run>[nk];
        var rowStart = new int[nj * nk + 1];
        Parallel.For(
            0,
            nk,
            k =>
            {
                var runs = planes[k] = [];
                for (var j = 0; j < nj; j++)
                {
                    var row = j + nj * k;
                    var before = runs.Count;
                    Cut(labels.Voxels.AsSpan(row * ni, ni), row, runs);
                    rowStart[row + 1] = runs.Count - before;
                }
            }
        );
        for (var row = 0; row < nj * nk; row++)
        {
            rowStart[row + 1] += rowStart[row];
        }
        var all = new Run[rowStart[^1]];
        for (var k = 0; k < nk; k++)
        {
            CollectionsMarshal.AsSpan(planes[k]).CopyTo(all.AsSpan(rowStart[k * nj]));
        }
        return (all, rowStart);
    }

    private static void Cut(ReadOnlySpan<byte> voxels, int row, List<Run> runs)
    {
        var from = 0;
        while (true)
        {
            var skip = voxels[from..].IndexOfAnyExcept((byte)0);
            if (skip < 0)
            {
                return;
            }
            from += skip;
            var length = voxels[from..].IndexOfAnyExcept(voxels[from]);
            var to = length < 0 ? voxels.Length : from + length;
            runs.Add(new Run(row, from, to, voxels[from]));
            from = to;
        }
    }

    /// <summary>Joins the touching runs of two rows: both are walked once.</summary>
    private static void Join(
        Run[] runs,
        int[] rowStart,
        int[] parent,
        int row,
        int neighbour,
        int reach
    )
    {
        var (a, aEnd) = (rowStart[row], rowStart[row + 1]);
        var (b, bEnd) = (rowStart[neighbour], rowStart[neighbour + 1]);
        while (a < aEnd && b < bEnd)
        {
            if (
                runs[a].Label == runs[b].Label
                && runs[a].From < runs[b].To + reach
                && runs[b].From < runs[a].To + reach
            )
            {
                var (x, y) = (Root(parent, a), Root(parent, b));
                parent[Math.Max(x, y)] = Math.Min(x, y);
            }
            if (runs[a].To < runs[b].To)
            {
                a++;
            }
            else if (runs[a].To > runs[b].To)
            {
                b++;
            }
            else if (reach == 0)
            {
                a++;
                b++;
            }
            else
            {
                // Both end here: each may still touch the other's successor diagonally.
                JoinIfTouching(runs, parent, a, b + 1, bEnd);
                JoinIfTouching(runs, parent, b, a + 1, aEnd);
                a++;
                b++;
            }
        }
    }

    private static void JoinIfTouching(Run[] runs, int[] parent, int run, int next, int end)
    {
        if (next < end && runs[next].Label == runs[run].Label && runs[next].From < runs[run].To + 1)
        {
            var (x, y) = (Root(parent, run), Root(parent, next));
            parent[Math.Max(x, y)] = Math.Min(x, y);
        }
    }

    private static int Root(int[] parent, int n)
    {
        while (parent[n] != n)
        {
            n = parent[n] = parent[parent[n]];
        }
        return n;
    }

    private static ConnectedComponents Number(VolumeGeometry geometry, Run[] runs, int[] parent)
    {
        var component = new int[runs.Length];
        var components = new List<Component>();
        for (var n = 0; n < runs.Length; n++)
        {
            var root = Root(parent, n);
            if (root == n)
            {
                components.Add(new Component(runs[n].Label, 0));
                component[n] = components.Count;
            }
            component[n] = component[root];
            var found = components[component[n] - 1];
            components[component[n] - 1] = found with
            {
                Voxels = found.Voxels + runs[n].To - runs[n].From,
            };
        }
        return new ConnectedComponents(geometry, runs, component, [.. components]);
    }
}
