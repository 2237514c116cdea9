using System.Net;
using Platform.Contracts;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>The predicted quality as a DICOM structured report, read by tools that know nothing of the platform (dicom3tools, dcmtk).</summary>
public sealed class StructuredReportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_conforms_to_the_standard(bool notForDiagnosis)
    {
        var file = Write(Quality(notForDiagnosis));
        var (code, output) = DicomTools.Run("dciodvfy", file);
        Assert.True(code == 0, output);
        Assert.Contains("ComprehensiveSR", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Error", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_structure_has_its_numbers_interval_and_verdict()
    {
        var (code, text) = DicomTools.Run("dsrdump", Write(Quality(notForDiagnosis: true)));
        Assert.True(code == 0, text);
        foreach (
            var line in new[]
            {
                "(,,\"Tracking Identifier\")=\"left hippocampus\"",
                "(,,\"Volume\")=\"3.5\" (ml,UCUM,\"milliliter\")",
                "(,,\"Predicted Dice\")=\"0.875\"",
                "(,,\"Predicted Dice, lower end of interval\")=\"0.75\"",
                "(,,\"Predicted Dice, upper end of interval\")=\"0.9375\"",
                "(,,\"Predicted mean surface distance\")=\"0.5\" (mm,UCUM,\"millimeter\")",
                "(,,\"Finding Site\")=(5366008,SCT,\"Hippocampal structure\")",
                "(,,\"Laterality\")=(7771000,SCT,\"Left\")",
                "(,,\"Verdict of the predicted quality\")=(REVIEW,99PLATFORM,\"Review\")",
                "Not for diagnosis",
            }
        )
        {
            Assert.True(Plain(text).Contains(Plain(line), StringComparison.Ordinal), text);
        }
        // The second structure was not assessed: it has a volume and a verdict, and no Dice.
        Assert.Contains(Plain("\"Unassessed\""), Plain(text), StringComparison.Ordinal);
        Assert.Equal(2, text.Split("\"Volume\"").Length - 1);
        Assert.Equal(2, text.Split("Predicted Dice\"").Length);
    }

    [Fact]
    public void Each_frame_of_a_time_series_is_a_time_point_with_its_numbers()
    {
        var quality = Quality(false);
        var ventricle = quality.Structures[0] with
        {
            Frame = 2,
            Frames =
            [
                new(18.75, 120.5, null, null, null, Verdict.Unassessed),
                new(56.25, 3.5, 0.875, 0.75, 0.9375, Verdict.Review),
            ],
        };
        var file = Write(quality with { Structures = [ventricle] });
        var (conforms, said) = DicomTools.Run("dciodvfy", file);
        Assert.True(conforms == 0, said);
        Assert.DoesNotContain("Error", said, StringComparison.Ordinal);
        var (code, text) = DicomTools.Run("dsrdump", file);
        Assert.True(code == 0, text);
        var groups = Plain(text).Split("\"MeasurementGroup\"");
        Assert.Equal(3, groups.Length);
        Assert.Contains("\"frame1of2,18.75ms\"", groups[1], StringComparison.Ordinal);
        Assert.Contains("\"Volume\")=\"120.5\"", groups[1], StringComparison.Ordinal);
        Assert.DoesNotContain("PredictedDice\"", groups[1], StringComparison.Ordinal);
        Assert.Contains("Unassessed", groups[1], StringComparison.Ordinal);
        Assert.Contains("\"frame2of2,56.25ms\"", groups[2], StringComparison.Ordinal);
        Assert.Contains("\"Volume\")=\"3.5\"", groups[2], StringComparison.Ordinal);
        Assert.Contains("\"PredictedDice\")=\"0.875\"", groups[2], StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_quality_gives_the_same_object_and_another_output_another()
    {
        Assert.Equal(
            File.ReadAllBytes(Write(Quality(false))),
            File.ReadAllBytes(Write(Quality(false)))
        );
        var other = Quality(false) with { Series = "s2" };
        Assert.NotEqual(File.ReadAllBytes(Write(Quality(false))), File.ReadAllBytes(Write(other)));
    }

    [Fact]
    public async Task It_is_served_to_the_hospital_whose_study_it_is_once_there_is_a_report()
    {
        await using var host = await ResultsHost.StartAsync(_folder);
        var study = await new StoredStudy(host).CompleteAsync(Verdict.Review);
        using var client = host.Client(ResultsHost.Alpha);
        var path =
            $"/api/studies/{study.Context.StudyId}/outputs/{ResultsHost.Model}/{StoredStudy.Series}/quality.dcm";
        using (var early = await client.GetAsync(path))
        {
            Assert.Equal(HttpStatusCode.NotFound, early.StatusCode);
        }
        await host.Flow.TryEndAsync(study.Context, CancellationToken.None);
        using var answer = await client.GetAsync(path);
        Assert.Equal("application/dicom", answer.Content.Headers.ContentType?.MediaType);
        var file = _folder["served.dcm"];
        await File.WriteAllBytesAsync(file, await answer.Content.ReadAsByteArrayAsync());
        Assert.Contains("Review", DicomTools.Run("dsrdump", file).Output, StringComparison.Ordinal);
        using var other = host.Client(ResultsHost.Beta);
        using var hidden = await other.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, hidden.StatusCode);
    }

    private static SegmentationQuality Quality(bool notForDiagnosis) =>
        new()
        {
            Series = "s1",
            Model = "brain-structures@1.2.0",
            ReferenceSet = "brain-t1@2",
            Method = "rca-single-atlas",
            References = 16,
            Verdict = Verdict.Review,
            NotForDiagnosis = notForDiagnosis,
            CodeVersion = "0.1.0",
            Structures =
            [
                new()
                {
                    Label = 17,
                    Name = "left hippocampus",
                    Snomed = new("5366008", "Hippocampal structure"),
                    Side = "left",
                    VolumeMl = 3.5,
                    PredictedDice = 0.875,
                    IntervalLow = 0.75,
                    IntervalHigh = 0.9375,
                    PredictedMeanSurfaceDistanceMm = 0.5,
                    Verdict = Verdict.Review,
                },
                new()
                {
                    Label = 24,
                    Name = "cerebrospinal fluid",
                    VolumeMl = 0,
                    Verdict = Verdict.Unassessed,
                },
            ],
        };

    private string Write(SegmentationQuality quality)
    {
        var report = StoredStudy.Report();
        var path = _folder[$"{Guid.NewGuid():n}.dcm"];
        using var file = File.Create(path);
        QualityStructuredReport.Of(report, quality, ResultSource.None).WriteFile(file);
        return path;
    }

    /// <summary>dsrdump pads and breaks as it likes.</summary>
    private static string Plain(string text) =>
        string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
}
