using Platform.Imaging;

namespace Platform.Qc;

/// <summary>Red, green, blue, 0–255.</summary>
internal readonly record struct Colour(byte R, byte G, byte B);

/// <summary>A picture of values between 0 and 1 on two axes, or of bars with a label each.</summary>
internal sealed class Plot
{
    public static readonly Colour Blue = new(31, 99, 180);
    public static readonly Colour Grey = new(140, 140, 140);

    private const int Size = 340,
        Margin = 34,
        Inner = Size - 2 * Margin;

    /// <summary>Rows of 3 bits, top first.</summary>
    private static readonly Dictionary<char, int[]> Glyphs = new()
    {
        ['0'] = [7, 5, 5, 5, 7],
        ['1'] = [2, 6, 2, 2, 7],
        ['2'] = [7, 1, 7, 4, 7],
        ['3'] = [7, 1, 7, 1, 7],
        ['4'] = [5, 5, 7, 1, 1],
        ['5'] = [7, 4, 7, 1, 7],
        ['6'] = [7, 4, 7, 5, 7],
        ['7'] = [7, 1, 2, 2, 2],
        ['8'] = [7, 5, 7, 5, 7],
        ['9'] = [7, 5, 7, 1, 7],
        ['.'] = [0, 0, 0, 0, 2],
    };

    private readonly byte[] _rgb = new byte[3 * Size * Size];
    private readonly IReadOnlyList<string> _bars;

    /// <param name="bars">One a bar; without any the horizontal axis runs from 0 to 1.</param>
    public Plot(params IReadOnlyList<string> bars)
    {
        _bars = bars;
        Array.Fill(_rgb, (byte)255);
        string[] ticks = ["0", "0.2", "0.4", "0.6", "0.8", "1"];
        for (var n = 0; n < ticks.Length; n++)
        {
            var at = (double)n / (ticks.Length - 1);
            Line((0, at), (1, at), new(230, 230, 230));
            Text(ticks[n], Margin - 4 - Width(ticks[n], 2), Y(at) - 5, 2);
            if (bars.Count == 0)
            {
                Line((at, 0), (at, 1), new(230, 230, 230));
                Text(ticks[n], X(at) - Width(ticks[n], 2) / 2, Size - Margin + 6, 2);
            }
        }
        for (var n = 0; n < bars.Count; n++)
        {
            // Neighbours at two heights, so that their numbers do not run together.
            var centre = X((n + 0.5) / bars.Count);
            Text(bars[n], centre - Width(bars[n], 1) / 2, Size - Margin + 6 + 8 * (n % 2), 1);
        }
        Line((0, 0), (1, 0), new(0, 0, 0));
        Line((0, 0), (0, 1), new(0, 0, 0));
    }

    public void Point((double X, double Y) at, Colour colour)
    {
        for (var n = 0; n < 9; n++)
        {
            Blend(X(at.X) - 1 + n % 3, Y(at.Y) - 1 + n / 3, colour, n == 4 ? 0.8 : 0.35);
        }
    }

    public void Line((double X, double Y) from, (double X, double Y) to, Colour colour)
    {
        var (x, y, across, up) = (X(from.X), Y(from.Y), X(to.X) - X(from.X), Y(to.Y) - Y(from.Y));
        var steps = Math.Max(1, Math.Max(Math.Abs(across), Math.Abs(up)));
        for (var n = 0; n <= steps; n++)
        {
            Blend(x + across * n / steps, y + up * n / steps, colour, 1);
        }
    }

    public void Bar(int number, double height, Colour colour)
    {
        for (var x = X((number + 0.15) / _bars.Count); x <= X((number + 0.85) / _bars.Count); x++)
        {
            for (var y = Y(height); y < Y(0); y++)
            {
                Blend(x, y, colour, 0.8);
            }
        }
    }

    public void Save(string path)
    {
        using var file = File.Create(path);
        PngWriter.Write(file, Size, Size, _rgb);
    }

    private static int X(double value) => Margin + (int)Math.Round(Math.Clamp(value, 0, 1) * Inner);

    private static int Y(double value) =>
        Size - Margin - (int)Math.Round(Math.Clamp(value, 0, 1) * Inner);

    private static int Width(string text, int scale) => (4 * text.Length - 1) * scale;

    private void Text(string text, int left, int top, int scale)
    {
        for (var n = 0; n < text.Length; n++)
        {
            for (var pixel = 0; pixel < 15 * scale * scale; pixel++)
            {
                var (x, y) = (pixel % (3 * scale), pixel / (3 * scale));
                if ((Glyphs[text[n]][y / scale] >> (2 - x / scale) & 1) != 0)
                {
                    Blend(left + 4 * scale * n + x, top + y, new(60, 60, 60), 1);
                }
            }
        }
    }

    private void Blend(int x, int y, Colour colour, double opacity)
    {
        if (x is < 0 or >= Size || y is < 0 or >= Size)
        {
            return;
        }
        var pixel = _rgb.AsSpan(3 * (x + Size * y), 3);
        pixel[0] = (byte)(pixel[0] + opacity * (colour.R - pixel[0]));
        pixel[1] = (byte)(pixel[1] + opacity * (colour.G - pixel[1]));
        pixel[2] = (byte)(pixel[2] + opacity * (colour.B - pixel[2]));
    }
}
