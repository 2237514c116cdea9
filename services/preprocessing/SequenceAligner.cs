using System.Globalization;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Imaging.Registration;

namespace Platform.Preprocessing;

/// <summary>
/// Aligns a study's series to the most detailed of them, rigidly, by mutual information, and stores each on that one's grid. One volume, and the
/// one made of it, are in memory at a time, with the anchor at 2 mm. Time series are not aligned. What cannot be aligned is said and refuses nothing.
/// </summary>
public sealed class SequenceAligner(VolumeStore volumes)
{
    /// <summary>Share of the smaller field of view, where the headers put it, that must lie in the other: less shows other parts of the body.</summary>
    private const double LeastOverlap = 0.25;

    /// <summary>Share of information below which two images show different bodies; real T1 and FLAIR of one head share 0.26 to 0.37, unlike bodies less than 0.15.</summary>
    private const double LeastSimilarity = 0.2;

    private static readonly RegistrationOptions Options = new()
    {
        Similarity = Similarity.MutualInformation,
        Model = LinearModel.Rigid,
        AffineIterations = [30, 15, 10],
        Threads = Environment.ProcessorCount,
    };

    /// <summary>Aligns the series of a study; one alone is left as it is.</summary>
    /// <param name="study">Whose study.</param>
    /// <param name="series">The stored series, each with its grid.</param>
    /// <param name="cancellationToken">Stops within a step.</param>
    internal async Task<IReadOnlyList<PlannedSeries>> AlignAsync(
        StudyContext study,
        IReadOnlyList<(PlannedSeries Series, VolumeGeometry Grid)> series,
        CancellationToken cancellationToken
    )
    {
        if (series.Count < 2)
        {
            return [.. series.Select(one => one.Series)];
        }
        var volumesAlone = series.Where(one => one.Series.Frames == 1).ToList();
        var anchor = volumesAlone.Count > 1 ? volumesAlone.MinBy(one => Detail(one.Grid)) : default;
        FixedImage? fixedImage = null;
        string? unusable = null;
        var aligned = new List<PlannedSeries>();
        foreach (var one in series)
        {
            aligned.Add(
                one.Series with
                {
                    Alignment =
                        one.Series.Frames > 1 ? OfTimeSeries(one.Series)
                        : volumesAlone.Count > 1 ? await OneAsync(one)
                        : null,
                }
            );
        }
        return aligned;

        async Task<SeriesAlignment> OneAsync((PlannedSeries Series, VolumeGeometry Grid) one)
        {
            if (one == anchor)
            {
                return new() { Outcome = AlignmentOutcome.Anchor };
            }
            var result = new SeriesAlignment
            {
                Outcome = AlignmentOutcome.NotTried,
                Anchor = anchor.Series.Series,
            };
            var overlap = Math.Max(Inside(one.Grid, anchor.Grid), Inside(anchor.Grid, one.Grid));
            if (overlap < LeastOverlap)
            {
                return result with
                {
                    Detail = Text(
                        $"{100 * overlap:f0} % of the smaller field of view lies in the other, {100 * LeastOverlap:f0} % is needed"
                    ),
                };
            }
            try
            {
                fixedImage ??= unusable is null ? await AnchorAsync() : null;
                return fixedImage is null
                    ? result with
                    {
                        Detail = unusable,
                    }
                    : await AlignAsync(
                        study,
                        one.Series,
                        fixedImage,
                        anchor.Grid,
                        result,
                        cancellationToken
                    );
            }
            catch (VolumeException e)
            {
                return result with { Detail = e.Message };
            }
        }

        async Task<FixedImage?> AnchorAsync()
        {
            var name = BlobNames.Volume(study, anchor.Series.Series);
            var image = await volumes.ReadImageAsync(name, cancellationToken);
            try
            {
                return await Task.Run(
                    () => FixedImage.Prepare(image, null, Options, cancellationToken),
                    cancellationToken
                );
            }
            catch (VolumeException e)
            {
                unusable = $"the anchor: {e.Message}";
                return null;
            }
        }
    }

    private static SeriesAlignment OfTimeSeries(PlannedSeries series) =>
        new()
        {
            Outcome = AlignmentOutcome.NotTried,
            Detail = Text($"a time series of {series.Frames} frames: single volumes are aligned"),
        };

    private async Task<SeriesAlignment> AlignAsync(
        StudyContext study,
        PlannedSeries series,
        FixedImage anchor,
        VolumeGeometry grid,
        SeriesAlignment result,
        CancellationToken cancellationToken
    )
    {
        var image = await volumes.ReadImageAsync(
            BlobNames.Volume(study, series.Series),
            cancellationToken
        );
        var found = await Task.Run(
            () =>
                ImageRegistration.Align(
                    anchor,
                    MovingImage.Prepare(image, Options, cancellationToken),
                    new RegistrationWorkspace(),
                    cancellationToken
                ),
            cancellationToken
        );
        result = result with
        {
            Similarity = ImageSimilarity.MutualInformation,
            SimilarityValue = found.Similarity,
        };
        if (found.Similarity < LeastSimilarity)
        {
            return result with
            {
                Outcome = AlignmentOutcome.Failed,
                Detail = Text(
                    $"the images share {found.Similarity:f2} of their information, {LeastSimilarity:f2} is needed: other anatomy, or too little of the same"
                ),
            };
        }
        var seenFrom = found.Transform.After(AffineTransform.IndexToWorld(grid));
        var resampled = await Task.Run(
            () => Resampler.Linear(image, new VolumeGeometry(grid.Shape, seenFrom.Entries)),
            cancellationToken
        );
        var name = BlobNames.Aligned(study, series.Series, result.Anchor!);
        var stored = await volumes.TryCreateAsync(
            name,
            new Volume<float>(grid, resampled.Voxels),
            cancellationToken
        );
        var centre = Centre(grid);
        var moved = found.Transform.Apply(centre.X, centre.Y, centre.Z);
        return result with
        {
            Outcome = AlignmentOutcome.Aligned,
            FromAnchor = [.. found.Transform.Entries, 0, 0, 0, 1],
            ShiftMm = Math.Sqrt(
                Math.Pow(moved.X - centre.X, 2)
                    + Math.Pow(moved.Y - centre.Y, 2)
                    + Math.Pow(moved.Z - centre.Z, 2)
            ),
            RotationDegrees = found.Transform.RotationDegrees,
            Volume = name,
            VolumeDigest = stored.Sha256,
        };
    }

    /// <summary>The order of detail: the thickest spacing first, then the volume of a voxel, to 0.01 mm and mm³; among equals the larger image.</summary>
    private static (double, double, long) Detail(VolumeGeometry grid) =>
        (
            Math.Round(Math.Max(grid.Spacing.I, Math.Max(grid.Spacing.J, grid.Spacing.K)), 2),
            Math.Round(grid.VoxelVolume, 2),
            -grid.VoxelCount
        );

    /// <summary>Share of a field of view that lies in another, at 9×9×9 places.</summary>
    private static double Inside(VolumeGeometry grid, VolumeGeometry other)
    {
        const int places = 9;
        var toOther = AffineTransform.WorldToIndex(other).After(AffineTransform.IndexToWorld(grid));
        var inside = 0;
        for (var n = 0; n < places * places * places; n++)
        {
            var (i, j, k) = toOther.Apply(
                At(n % places, grid.Shape.I),
                At(n / places % places, grid.Shape.J),
                At(n / (places * places), grid.Shape.K)
            );
            if (Within(i, other.Shape.I) && Within(j, other.Shape.J) && Within(k, other.Shape.K))
            {
                inside++;
            }
        }
        return (double)inside / (places * places * places);

        static double At(int place, int count) => (place + 0.5) / places * count - 0.5;
        static bool Within(double index, int count) => index >= -0.5 && index <= count - 0.5;
    }

    private static (double X, double Y, double Z) Centre(VolumeGeometry grid) =>
        grid.ToWorld(0.5 * (grid.Shape.I - 1), 0.5 * (grid.Shape.J - 1), 0.5 * (grid.Shape.K - 1));

    private static string Text(FormattableString text) =>
        text.ToString(CultureInfo.InvariantCulture);
}
