using Microsoft.EntityFrameworkCore;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

public sealed class EndOfStudyOnSqliteTests : EndOfStudyTests
{
    protected override Task<string?> DatabaseAsync() => Task.FromResult<string?>(null);
}

/// <summary>How a revision ends, on both databases.</summary>
public abstract class EndOfStudyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    protected abstract Task<string?> DatabaseAsync();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_last_assessment_makes_the_report_and_closes_the_study()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).CompleteAsync(Verdict.Review);

        await host.Bus.Publish(study.Assessed(Verdict.Review));
        var told = await host.HearAsync<StudyAnalysed>();
        await ClosedAsync(host, study);

        var report = await ReportAsync(host, study);
        Assert.Equal(StudyOutcome.Analysed, report.Outcome);
        Assert.Equal(Verdict.Review, report.Verdict);
        Assert.Equal(Verdict.Review, told.Verdict);
        Assert.False(report.NotForDiagnosis);
        Assert.Equal(StoredStudy.ReceivedAt, report.ReceivedAt);
        Assert.Equal(1.5, report.Seconds["preprocessing"]);
        Assert.Equal(4, report.Seconds["segmentation"]);
        Assert.Equal(2, report.Seconds["qc"]);
        Assert.True(report.Seconds["total"] > 0);
        var row = await host.QueryAsync(db => db.Studies.SingleAsync());
        Assert.Equal(
            (StudyStage.Analysed, Verdict.Review, StoredStudy.ReceivedAt.ToUnixTimeMilliseconds()),
            (row.Stage, row.Verdict, row.ReceivedAt)
        );
    }

    [Fact]
    public async Task Consumers_that_finish_at_once_make_one_report_and_one_event()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).CompleteAsync();

        await Task.WhenAll(
            Enumerable
                .Range(0, 8)
                .Select(_ =>
                    Task.Run(() => host.Flow.TryEndAsync(study.Context, CancellationToken.None))
                )
        );

        await ClosedAsync(host, study);
        Assert.Equal(1, await host.QueryAsync(db => db.Changes.CountAsync()));
        var report = await ReportAsync(host, study);
        var row = await host.QueryAsync(db =>
            db.Progress.SingleAsync(p => p.Stage == StudyStage.Analysed)
        );
        Assert.Equal(report.CompletedAt.ToUnixTimeMilliseconds(), row.Time);
    }

    [Fact]
    public async Task Messages_that_come_again_add_nothing()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).CompleteAsync();
        for (var n = 0; n < 3; n++)
        {
            await host.Bus.Publish(new StudyReceived { Study = study.Context });
            await host.Bus.Publish(
                new VolumeSegmented
                {
                    Study = study.Context,
                    Series = StoredStudy.Series,
                    Model = ResultsHost.Model,
                }
            );
            await host.Bus.Publish(study.Assessed());
        }
        await ClosedAsync(host, study);
        await Eventually.Async(async () =>
            await host.QueryAsync(db => db.Progress.CountAsync()) == 5
        );

        await host.Bus.Publish(study.Assessed());
        await host.Flow.TryEndAsync(study.Context, CancellationToken.None);

        Assert.Equal(1, await host.QueryAsync(db => db.Studies.CountAsync()));
        Assert.Equal(1, await host.QueryAsync(db => db.Changes.CountAsync()));
        Assert.Equal(5, await host.QueryAsync(db => db.Progress.CountAsync()));
    }

    [Fact]
    public async Task A_study_with_a_missing_output_does_not_end()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).CompleteAsync();
        var open = new StoredStudy(host);
        await open.PlanAsync(open.Native, open.Sharp);
        await open.SegmentAsync(open.Native);
        await open.AssessAsync(open.Native);

        Assert.True(await host.Flow.TryEndAsync(study.Context, CancellationToken.None));
        Assert.False(await host.Flow.TryEndAsync(open.Context, CancellationToken.None));
        Assert.False(await ExistsAsync(host, BlobNames.Report(open.Context)));
    }

    [Fact]
    public async Task An_output_that_was_refused_in_planning_is_not_waited_for()
    {
        await using var host = await StartAsync();
        var study = new StoredStudy(host);
        await study.PlanAsync(
            study.Native,
            study.Sharp with
            {
                NotApplicable = RejectionReason.NotAVolume,
            }
        );
        await study.SegmentAsync(study.Native);
        await study.AssessAsync(study.Native);

        Assert.True(await host.Flow.TryEndAsync(study.Context, CancellationToken.None));
        var report = await ReportAsync(host, study);
        Assert.False(report.NotForDiagnosis);
        Assert.Null(report.Outputs[1].Provenance);
    }

    [Fact]
    public async Task What_derives_from_a_super_resolved_volume_marks_the_study_not_for_diagnosis()
    {
        await using var host = await StartAsync();
        var study = new StoredStudy(host);
        await study.PlanAsync(study.Sharp, study.Derived);
        await study.SharpenAsync();
        await study.SegmentAsync(study.Derived);
        await study.AssessAsync(study.Derived);

        await host.Bus.Publish(
            new VolumeSuperResolved
            {
                Study = study.Context,
                Series = StoredStudy.Series,
                Model = ResultsHost.Sharpener,
            }
        );

        Assert.True((await host.HearAsync<StudyAnalysed>()).NotForDiagnosis);
        await ClosedAsync(host, study);
        Assert.True((await ReportAsync(host, study)).NotForDiagnosis);
        Assert.True((await host.QueryAsync(db => db.Studies.SingleAsync())).NotForDiagnosis);
    }

    [Fact]
    public async Task A_rejected_study_ends_with_its_reason()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).ReceiveAsync();

        await host.Bus.Publish(
            new StudyRejected
            {
                Study = study.Context,
                Stage = "preprocessing",
                Reason = RejectionReason.BadVoxels,
                Detail = "file 1: voxel 7 is not a number",
            }
        );
        await ClosedAsync(host, study);

        var report = await ReportAsync(host, study);
        Assert.Equal(
            (StudyOutcome.Rejected, RejectionReason.BadVoxels, "file 1: voxel 7 is not a number"),
            (report.Outcome, report.Reason, report.Detail)
        );
        var row = await host.QueryAsync(db => db.Studies.SingleAsync());
        Assert.Equal(StudyStage.Rejected, row.Stage);
        Assert.Null(row.Verdict);
        var change = await host.QueryAsync(db => db.Changes.SingleAsync());
        Assert.Equal("platform.study.rejected", change.Type);
        Assert.Empty(host.Said.OfType<StudyAnalysed>());
    }

    [Fact]
    public async Task A_stage_that_gives_up_fails_the_study_until_it_is_replayed()
    {
        await using var host = await StartAsync();
        var study = new StoredStudy(host);
        await study.PlanAsync(study.Native);
        var command = new SegmentVolume
        {
            Study = study.Context,
            Series = StoredStudy.Series,
            Model = ResultsHost.Model,
        };
        host.ModelsFail(true);
        await host.Bus.SendToModelAsync(command, CancellationToken.None);
        await host.Bus.SendToModelAsync(command, CancellationToken.None);
        var failure = await host.HearAsync<StudyFailed>();
        Assert.Equal("SegmentVolume", failure.Stage);
        Assert.Equal(typeof(InvalidOperationException).FullName, failure.Error);
        await StageAsync(host, StudyStage.Failed);
        Assert.True(await ExistsAsync(host, BlobNames.Failure(study.Context)));

        await Eventually.Async(() => Task.FromResult(host.Said.OfType<StudyFailed>().Count() == 2));
        host.ModelsFail(false);
        Assert.True(await host.Flow.ReplayAsync(study.Context, CancellationToken.None));

        Assert.Equal(ResultsHost.Model, (await host.HearAsync<SegmentVolume>()).Model);
        Assert.False(await ExistsAsync(host, BlobNames.Failure(study.Context)));
        await study.SegmentAsync(study.Native);
        await study.AssessAsync(study.Native);
        await host.Bus.Publish(study.Assessed());
        await ClosedAsync(host, study);
        var row = await host.QueryAsync(db => db.Studies.SingleAsync());
        Assert.Equal((StudyStage.Analysed, Verdict.Pass), (row.Stage, row.Verdict));
        var types = await host.QueryAsync(db =>
            db.Changes.OrderBy(c => c.Sequence).Select(c => c.Type).ToListAsync()
        );
        Assert.Equal(["platform.study.failed", "platform.study.analysed"], types);
    }

    [Fact]
    public async Task A_study_that_has_ended_is_not_replayed_nor_failed()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).CompleteAsync();
        await host.Flow.TryEndAsync(study.Context, CancellationToken.None);

        Assert.False(await host.Flow.ReplayAsync(study.Context, CancellationToken.None));
        await host.Flow.FailAsync(
            new()
            {
                Study = study.Context,
                Stage = "VolumeSegmented",
                Error = "late",
            },
            "",
            "",
            CancellationToken.None
        );

        Assert.False(await ExistsAsync(host, BlobNames.Failure(study.Context)));
        Assert.Equal(
            StudyStage.Analysed,
            (await host.QueryAsync(db => db.Studies.SingleAsync())).Stage
        );
    }

    private async Task<ResultsHost> StartAsync() =>
        await ResultsHost.StartAsync(_folder, await DatabaseAsync());

    private static Task<bool> ExistsAsync(ResultsHost host, string name) =>
        host.Blobs.ExistsAsync(name, CancellationToken.None);

    private static Task ClosedAsync(ResultsHost host, StoredStudy study) =>
        Eventually.Async(async () => !await ExistsAsync(host, BlobNames.Open(study.Context)));

    private static Task StageAsync(ResultsHost host, StudyStage stage) =>
        Eventually.Async(() => host.QueryAsync(db => db.Studies.AnyAsync(s => s.Stage == stage)));

    private static Task<StudyReport> ReportAsync(ResultsHost host, StoredStudy study) =>
        host.Blobs.ReadJsonAsync<StudyReport>(
            BlobNames.Report(study.Context),
            CancellationToken.None
        );
}
