namespace Platform.Dicom;

/// <summary>
/// Splits slices of one grid into volumes where several lie at one place: by the attributes that differ there, one after another. What nothing tells
/// apart stays together. Volumes that differ in time alone are the frames of one time series.
/// </summary>
internal static class SeriesSplitter
{
    private static readonly Axis[] Axes =
    [
        new("image type", "", v => (0, v.ImageType)),
        Number("echo time", " ms", v => v.EchoTime),
        Number("inversion time", " ms", v => v.InversionTime),
        Number("flip angle", "°", v => v.FlipAngle),
        Number("b-value", " s/mm²", v => v.BValue),
        new("gradient direction", "", v => (0, v.Gradient)),
        Number("temporal position", "", v => v.TemporalPosition) with
        {
            IsTime = v => !v.IsDiffusion,
        },
        Number("trigger time", " ms", v => v.TriggerTime) with
        {
            IsTime = v => !v.IsDiffusion,
        },
        // Of other sequences it may be a repeat under other conditions: before and after contrast.
        Number("acquisition", "", v => v.Acquisition) with
        {
            IsTime = v => v.IsEchoPlanar && !v.IsDiffusion,
        },
    ];

    /// <summary>The volumes, each by itself or as a time series, in the order of what differs.</summary>
    /// <param name="slices">Of one grid.</param>
    /// <param name="places">The place of each along the normal.</param>
    public static IReadOnlyList<SplitSeries> Split(IReadOnlyList<DicomSlice> slices, int[] places)
    {
        List<(string Label, string Time, int[] Slices)> parts =
        [
            ("", "", [.. Enumerable.Range(0, slices.Count)]),
        ];
        foreach (var axis in Axes)
        {
            parts =
            [
                .. parts.SelectMany(part =>
                    Split(part.Slices, axis, n => axis.Of(slices[n].Variant), places)
                        .Select(one =>
                            axis.IsTime(slices[one.Slices[0]].Variant)
                                ? (part.Label, Join(part.Time, one.Label), one.Slices)
                                : (Join(part.Label, one.Label), part.Time, one.Slices)
                        )
                ),
            ];
        }
        return
        [
            .. parts
                .GroupBy(part => part.Label)
                .Select(series => new SplitSeries(
                    series.Key,
                    [.. series.Select(frame => (frame.Time, frame.Slices))]
                )),
        ];
    }

    private static IEnumerable<(string Label, int[] Slices)> Split(
        int[] slices,
        Axis axis,
        Func<int, (double, string)> value,
        int[] places
    )
    {
        var atPlaces = slices.GroupBy(n => places[n]).ToArray();
        var counts = atPlaces.Select(at => at.Select(value).Distinct().Count()).ToArray();
        var most = counts.Max();
        if (most == 1)
        {
            return [("", slices)];
        }
        var groups = slices.GroupBy(value).OrderBy(group => group.Key).ToArray();
        // A value of a volume is at most of its places; what is measured anew at each place, like the times of heart beats, counts by its rank there.
        if (
            groups.All(group =>
                2 * group.Select(n => places[n]).Distinct().Count() > atPlaces.Length
            )
        )
        {
            return groups.Select(
                (group, n) => (axis.Label(group.Key, n, groups.Length), group.ToArray())
            );
        }
        return Array.TrueForAll(counts, count => count == most)
            ? atPlaces
                .SelectMany(at => at.GroupBy(value).OrderBy(group => group.Key).Index())
                .GroupBy(ranked => ranked.Index, ranked => ranked.Item)
                .Select(group =>
                    ($"{axis.Name} {group.Key + 1} of {most}", group.SelectMany(n => n).ToArray())
                )
            : [("", slices)];
    }

    private static string Join(string label, string more) =>
        label == "" || more == "" ? label + more : $"{label}, {more}";

    private static Axis Number(string name, string unit, Func<FrameVariant, double?> value) =>
        new(name, unit, variant => (value(variant) ?? double.NegativeInfinity, ""));

    /// <summary>One thing that may differ.</summary>
    private sealed record Axis(string Name, string Unit, Func<FrameVariant, (double, string)> Of)
    {
        /// <summary>Whether what differs here is the time alone.</summary>
        public Func<FrameVariant, bool> IsTime { get; init; } = _ => false;

        /// <summary>Numbers are named; of text only words that this library knows.</summary>
        public string Label((double Number, string Text) value, int index, int count) =>
            value.Text != "" ? FrameVariant.Component(value.Text) ?? Nth(index, count)
            : double.IsFinite(value.Number) ? $"{Name} {value.Number:g6}{Unit}"
            : $"no {Name}";

        private string Nth(int index, int count) => $"{Name} {index + 1} of {count}";
    }
}

/// <summary>Slices that make one volume, or one at each of several times.</summary>
/// <param name="Label">What tells them from others of the series, for people: "echo time 4.92 ms, phase"; empty where they are all.</param>
/// <param name="Frames">The slices of each time, and when that is, for people; empty where there is one.</param>
internal sealed record SplitSeries(string Label, IReadOnlyList<(string Time, int[] Slices)> Frames);
