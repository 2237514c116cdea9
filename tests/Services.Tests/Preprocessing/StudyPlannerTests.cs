using Platform.Contracts;
using Platform.Inference;

namespace Platform.Preprocessing.Tests;

public sealed class StudyPlannerTests
{
    private static readonly StudyContext Study = new()
    {
        Tenant = "north-hospital",
        StudyId = new('a', 32),
        Revision = 1,
        CorrelationId = default,
    };

    [Fact]
    public void A_series_is_segmented_by_every_model_that_accepts_it()
    {
        var outputs = StudyPlanner.Outputs(
            Study,
            [Series("s1", 1), Series("s2", 6)],
            [Packages.Brain(), Packages.FineBrain()]
        );
        Assert.Equal(
            [("s1", "brain@1.0.0"), ("s1", "fine-brain@1.0.0"), ("s2", "brain@1.0.0")],
            outputs.Select(output => (output.Series, output.Model))
        );
        Assert.All(outputs, output => Assert.False(output.NotForDiagnosis));
        Assert.Equal(BlobNames.Volume(Study, "s1"), outputs[0].Input);
        Assert.Equal(BlobNames.Labels(Study, "brain@1.0.0", "s1"), outputs[0].Output);
    }

    [Fact]
    public void Thick_slices_are_super_resolved_and_segmented_both_ways_and_nothing_derived_is_for_diagnosis()
    {
        var outputs = StudyPlanner.Outputs(
            Study,
            [Series("s1", 6)],
            [Packages.Brain(), Packages.FineBrain(), Packages.ThickSlices()]
        );
        Assert.Equal(
            [
                (OutputKind.Segmentation, "s1", "brain@1.0.0", false),
                (OutputKind.SuperResolution, "s1", "thick-slices@1.0.0", true),
                (OutputKind.Segmentation, "s1-sr", "brain@1.0.0", true),
                (OutputKind.Segmentation, "s1-sr", "fine-brain@1.0.0", true),
            ],
            outputs.Select(o => (o.Kind, o.Series, o.Model, o.NotForDiagnosis))
        );
        Assert.Equal(outputs[1].Output, outputs[2].Input);
        Assert.Equal(outputs[1].Output, outputs[3].Input);
    }

    [Fact]
    public void Where_no_model_fits_the_answer_has_the_numbers_found_and_needed()
    {
        PlannedSeries[] series = [Series("s1", 12)];
        ModelManifest[] models = [Packages.Brain()];
        Assert.Empty(StudyPlanner.Outputs(Study, series, models));
        Assert.Equal(
            "s1 (200×200×17 voxels of 1×1×12 mm) is accepted by no model: brain@1.0.0 needs spacing of at most 10 mm, this is 12 mm",
            StudyPlanner.WhyNone(series, models)
        );
    }

    [Theory]
    [InlineData(1, 1, 1, 50, "needs a field of view of at least 100 mm, this is 50 mm")]
    [InlineData(1, 1, 1, 400, "needs a field of view of at most 300 mm, this is 400 mm")]
    [InlineData(2, 2, 2, 60, "needs slices of at least 3 mm, this is 2 mm")]
    [InlineData(
        2,
        2,
        4,
        60,
        "needs a slice distance over in-plane spacing of at least 3, this is 2"
    )]
    public void Every_predicate_is_named_with_its_limit(
        double x,
        double y,
        double z,
        int voxels,
        string misfit
    )
    {
        var series = Series("s1", 1) with
        {
            Shape = [voxels, voxels, voxels],
            SpacingMm = [x, y, z],
        };
        var routing = misfit.Contains("field", StringComparison.Ordinal)
            ? Packages.Brain().Routing
            : Packages.ThickSlices().Routing;
        if (misfit.Contains("slices", StringComparison.Ordinal))
        {
            routing = routing with { MinAnisotropy = 1 };
        }
        Assert.Equal(misfit, Routing.Misfit(routing, series));
    }

    /// <summary>200 mm of 1 mm in plane.</summary>
    private static PlannedSeries Series(string name, double sliceMm) =>
        new()
        {
            Series = name,
            Shape = [200, 200, (int)Math.Round(200 / sliceMm)],
            SpacingMm = [1, 1, sliceMm],
            ReceivedOrientation = "RAS",
            VolumeDigest = "",
        };
}
