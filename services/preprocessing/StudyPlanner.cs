using Platform.Contracts;
using Platform.Inference;

namespace Platform.Preprocessing;

/// <summary>
/// Which models run on which series. Every segmentation model that accepts a series runs on it as it is. A series with thick slices
/// is super-resolved as well, by the first model that accepts it, and segmented again by every model that accepts the finer grid;
/// what comes of that is named "{series}-sr" and is not for diagnosis.
/// </summary>
internal static class StudyPlanner
{
    /// <summary>The outputs of a study, an input before what is made from it; empty where no model accepts any series.</summary>
    /// <param name="study">Whose study.</param>
    /// <param name="series">The series found.</param>
    /// <param name="models">The models that may run, each in one version.</param>
    public static IReadOnlyList<PlannedOutput> Outputs(
        StudyContext study,
        IReadOnlyList<PlannedSeries> series,
        IReadOnlyList<ModelManifest> models
    ) => [.. series.SelectMany(one => Outputs(study, one, models))];

    /// <summary>Why <see cref="Outputs(StudyContext, IReadOnlyList{PlannedSeries}, IReadOnlyList{ModelManifest})"/> is empty, with the numbers found and those needed.</summary>
    public static string WhyNone(
        IReadOnlyList<PlannedSeries> series,
        IReadOnlyList<ModelManifest> models
    ) =>
        models.Count == 0
            ? "no model is installed"
            : string.Join(
                "; ",
                series.Select(one =>
                    $"{Routing.Describe(one)} is accepted by no model: "
                    + string.Join(
                        ", ",
                        models.Select(m => $"{m.Id} {Routing.Misfit(m.Routing, one)}")
                    )
                )
            );

    private static IEnumerable<PlannedOutput> Outputs(
        StudyContext study,
        PlannedSeries series,
        IReadOnlyList<ModelManifest> models
    )
    {
        var volume = BlobNames.Volume(study, series.Series);
        foreach (var model in Accepting(models, ModelTask.Segmentation, series))
        {
            yield return Segmentation(study, series.Series, model, volume, false);
        }
        var finer = Accepting(models, ModelTask.SuperResolution, series).FirstOrDefault();
        if (finer?.SuperResolution is not { } settings)
        {
            yield break;
        }
        var superResolved = BlobNames.SuperResolved(study, finer.Id, series.Series);
        yield return new PlannedOutput
        {
            Kind = OutputKind.SuperResolution,
            Series = series.Series,
            Model = finer.Id,
            Input = volume,
            Output = superResolved,
            NotForDiagnosis = true,
        };
        var resolved = Finer(series, settings.Factor);
        foreach (var model in Accepting(models, ModelTask.Segmentation, resolved))
        {
            yield return Segmentation(study, resolved.Series, model, superResolved, true);
        }
    }

    private static PlannedOutput Segmentation(
        StudyContext study,
        string series,
        ModelManifest model,
        string input,
        bool notForDiagnosis
    ) =>
        new()
        {
            Kind = OutputKind.Segmentation,
            Series = series,
            Model = model.Id,
            Input = input,
            Output = BlobNames.Labels(study, model.Id, series),
            NotForDiagnosis = notForDiagnosis,
        };

    private static IEnumerable<ModelManifest> Accepting(
        IReadOnlyList<ModelManifest> models,
        ModelTask task,
        PlannedSeries series
    ) => models.Where(model => model.Task == task && Routing.Misfit(model.Routing, series) is null);

    /// <summary>The series with its thickest axis cut <paramref name="factor"/> times finer.</summary>
    private static PlannedSeries Finer(PlannedSeries series, int factor)
    {
        var axis = series.SpacingMm.Index().MaxBy(entry => entry.Item).Index;
        return series with
        {
            Series = $"{series.Series}-sr",
            Shape = [.. series.Shape.Select((voxels, n) => n == axis ? voxels * factor : voxels)],
            SpacingMm = [.. series.SpacingMm.Select((mm, n) => n == axis ? mm / factor : mm)],
        };
    }
}
