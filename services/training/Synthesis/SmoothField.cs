namespace Platform.Training.Synthesis;

/// <summary>Gaussian values on a coarse grid, interpolated linearly: deformations, bias fields, tissue texture.</summary>
public sealed class SmoothField
{
    private readonly float[] _nodes;
    private readonly float[] _line;
    private readonly (int I, int J, int K) _grid;
    private readonly double _scaleI,
        _scaleJ,
        _scaleK;

    /// <param name="shape">Voxels of the volume the field covers.</param>
    /// <param name="nodeDistance">Distance between nodes in voxels.</param>
    /// <param name="deviation">Standard deviation at the nodes.</param>
    /// <param name="random">Source of the node values.</param>
    public SmoothField(
        (int I, int J, int K) shape,
        double nodeDistance,
        double deviation,
        FastRandom random
    )
    {
        _grid = (Nodes(shape.I), Nodes(shape.J), Nodes(shape.K));
        _scaleI = (_grid.I - 1.0) / shape.I;
        _scaleJ = (_grid.J - 1.0) / shape.J;
        _scaleK = (_grid.K - 1.0) / shape.K;
        _nodes = new float[_grid.I * _grid.J * _grid.K];
        _line = new float[_grid.I];
        random.FillGaussian(_nodes);
        foreach (ref var node in _nodes.AsSpan())
        {
            node *= (float)deviation;
        }

        int Nodes(int voxels) => Math.Max(2, (int)Math.Ceiling(voxels / nodeDistance) + 1);
    }

    /// <summary>The field along i at one (j, k).</summary>
    public void Row(int j, int k, Span<float> row)
    {
        var (j0, fj) = Split(j * _scaleJ);
        var (k0, fk) = Split(k * _scaleK);
        var (width, plane) = (_grid.I, _grid.I * _grid.J);
        var start = k0 * plane + j0 * width;
        for (var n = 0; n < width; n++)
        {
            var near = _nodes[start + n] * (1 - fj) + _nodes[start + width + n] * fj;
            var far = _nodes[start + plane + n] * (1 - fj) + _nodes[start + plane + width + n] * fj;
            _line[n] = near * (1 - fk) + far * fk;
        }
        for (var i = 0; i < row.Length; i++)
        {
            var (i0, fi) = Split(i * _scaleI);
            row[i] = _line[i0] + (_line[i0 + 1] - _line[i0]) * fi;
        }

        static (int Node, float Fraction) Split(double position) =>
            ((int)position, (float)(position - (int)position));
    }
}
