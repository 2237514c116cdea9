using Platform.Contracts;

namespace Platform.Qc;

/// <summary>The quality of a time series from that of its frames.</summary>
internal static class SeriesQuality
{
    /// <summary>Which frames are assessed where not all are: the first, the last and others evenly between, from 0.</summary>
    /// <param name="frames">How many there are.</param>
    /// <param name="most">How many are assessed at most.</param>
    public static IReadOnlySet<int> Assessed(int frames, int most) =>
        frames <= most
            ? Enumerable.Range(0, frames).ToHashSet()
            : Enumerable
                .Range(0, most)
                .Select(n => most == 1 ? 0 : (int)Math.Round(n * (frames - 1.0) / (most - 1)))
                .ToHashSet();

    /// <summary>A series is as good as its worst frame: each structure is described by the frame in which it is worst, and lists all.</summary>
    /// <param name="frames">The quality of each frame, in order; the first was assessed.</param>
    /// <param name="timesMs">When each was taken; null where that is not known.</param>
    public static SegmentationQuality Of(
        IReadOnlyList<SegmentationQuality> frames,
        IReadOnlyList<double>? timesMs
    )
    {
        StructureQuality[] structures =
        [
            .. frames[0]
                .Structures.Select(
                    (_, n) => Of([.. frames.Select(frame => frame.Structures[n])], timesMs)
                ),
        ];
        return frames[0] with
        {
            References = frames.Max(frame => frame.References),
            ReferencesFailed = frames.Max(frame => frame.ReferencesFailed),
            Verdict = QualityAssessor.Worst(structures),
            Structures = structures,
            Seconds = frames.Sum(frame => frame.Seconds),
        };
    }

    private static StructureQuality Of(
        IReadOnlyList<StructureQuality> frames,
        IReadOnlyList<double>? timesMs
    )
    {
        var (worst, described) = frames
            .Index()
            .OrderByDescending(frame => frame.Item.Verdict)
            .ThenBy(frame => frame.Item.PredictedDice ?? double.PositiveInfinity)
            .First();
        return described with
        {
            Frame = worst + 1,
            Frames =
            [
                .. frames.Select(
                    (frame, n) =>
                        new FrameQuality(
                            timesMs?[n],
                            frame.VolumeMl,
                            frame.PredictedDice,
                            frame.IntervalLow,
                            frame.IntervalHigh,
                            frame.Verdict
                        )
                ),
            ],
        };
    }
}
