using System.Globalization;
using Platform.Contracts;
using Platform.Inference;

namespace Platform.Preprocessing;

/// <summary>Whether a model takes a series, by <see cref="RoutingPredicate"/>.</summary>
internal static class Routing
{
    /// <summary>Null where the model takes it; else what it would need, with the number found.</summary>
    public static string? Misfit(RoutingPredicate routing, PlannedSeries series)
    {
        var thinnest = series.SpacingMm.Min();
        var thickest = series.SpacingMm.Max();
        var extents = series.Shape.Zip(series.SpacingMm, (voxels, spacing) => voxels * spacing);
        var (smallest, largest) = (extents.Min(), extents.Max());
        return series switch
        {
            { Frames: > 1 } when routing.MaxFrames == 1 =>
                $"needs a single volume, this is a time series of {series.Frames}",
            _ when series.Frames > routing.MaxFrames => Needs(
                "a time series of at most",
                routing.MaxFrames,
                series.Frames,
                "frames"
            ),
            _ when series.Frames < routing.MinFrames => Needs(
                "a time series of at least",
                routing.MinFrames,
                series.Frames,
                "frames"
            ),
            _ when thinnest < routing.MinSpacingMm => Needs(
                "spacing of at least",
                routing.MinSpacingMm,
                thinnest,
                "mm"
            ),
            _ when thickest > routing.MaxSpacingMm => Needs(
                "spacing of at most",
                routing.MaxSpacingMm,
                thickest,
                "mm"
            ),
            _ when smallest < routing.MinExtentMm => Needs(
                "a field of view of at least",
                routing.MinExtentMm,
                smallest,
                "mm"
            ),
            _ when largest > routing.MaxExtentMm => Needs(
                "a field of view of at most",
                routing.MaxExtentMm,
                largest,
                "mm"
            ),
            _ when thickest / thinnest < routing.MinAnisotropy => Needs(
                "a slice distance over in-plane spacing of at least",
                routing.MinAnisotropy,
                thickest / thinnest,
                ""
            ),
            _ when thickest < routing.MinThicknessMm => Needs(
                "slices of at least",
                routing.MinThicknessMm,
                thickest,
                "mm"
            ),
            _ => null,
        };
    }

    private static string Needs(string what, double limit, double found, string unit) =>
        string.Create(
                CultureInfo.InvariantCulture,
                $"needs {what} {limit:0.###} {unit}, this is {found:0.###} {unit}"
            )
            .Replace(" ,", ",", StringComparison.Ordinal)
            .TrimEnd();

    /// <summary>The series' numbers for people, for example "s1 (256×256×12 voxels of 1.4×1.4×8 mm, 20 frames)".</summary>
    public static string Describe(PlannedSeries series) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{series.Series} ({string.Join('×', series.Shape)} voxels of {string.Join('×', series.SpacingMm.Select(mm => mm.ToString("0.###", CultureInfo.InvariantCulture)))} mm{(series.Frames > 1 ? $", {series.Frames} frames" : "")})"
        );
}
