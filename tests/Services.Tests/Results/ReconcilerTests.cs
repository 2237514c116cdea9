using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>A study whose messages were lost, at each point where that can happen.</summary>
public sealed class ReconcilerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_study_that_loses_every_message_is_brought_to_its_end()
    {
        await using var host = await ResultsHost.StartAsync(
            _folder,
            null,
            ("Results:Reconcile", "true"),
            ("Results:ReconcileEvery", "00:00:00.050"),
            ("Results:ReconcileAfter", "00:00:00.050")
        );
        var study = await new StoredStudy(host).ReceiveAsync();
        await host.HearAsync<StudyReceived>();

        await study.PlanAsync(study.Native);
        Assert.Equal(StoredStudy.Series, (await host.HearAsync<SegmentVolume>()).Series);

        await study.SegmentAsync(study.Native);
        Assert.Equal(ResultsHost.Model, (await host.HearAsync<VolumeSegmented>()).Model);

        await study.AssessAsync(study.Native);
        await host.HearAsync<StudyAnalysed>();
        await Eventually.Async(async () =>
            !await host.Blobs.ExistsAsync(BlobNames.Open(study.Context), CancellationToken.None)
        );
        Assert.Equal(1, await host.QueryAsync(db => db.Changes.CountAsync()));
        Assert.Equal(0, await host.QueryAsync(db => db.Reconciliations.CountAsync()));
    }

    [Fact]
    public async Task What_derives_from_a_super_resolved_volume_waits_for_it()
    {
        await using var host = await StartAsync();
        var study = new StoredStudy(host);
        await study.PlanAsync(study.Sharp, study.Derived);

        await ReconcileUntilAsync(host, () => host.Said.OfType<SuperResolveVolume>().Any());
        Assert.Empty(host.Said.OfType<SegmentVolume>());

        await study.SharpenAsync();
        await ReconcileUntilAsync(host, () => host.Said.OfType<SegmentVolume>().Any());
        Assert.Equal($"{StoredStudy.Series}-sr", host.Said.OfType<SegmentVolume>().First().Series);
    }

    [Fact]
    public async Task A_report_that_was_never_told_is_told()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).CompleteAsync(Verdict.Fail);
        await host.Flow.TryEndAsync(study.Context, CancellationToken.None);
        await host.HearAsync<StudyAnalysed>();
        await study.OpenAsync(); // As if the process had died before the broker confirmed.
        host.Said.Clear();

        await ReconcileUntilAsync(host, () => host.Said.OfType<StudyAnalysed>().Any());

        Assert.Equal(Verdict.Fail, host.Said.OfType<StudyAnalysed>().First().Verdict);
        Assert.Equal(1, await host.QueryAsync(db => db.Changes.CountAsync()));
        Assert.False(
            await host.Blobs.ExistsAsync(BlobNames.Open(study.Context), CancellationToken.None)
        );
    }

    [Fact]
    public async Task A_failed_study_is_left_alone_until_its_replay()
    {
        await using var host = await StartAsync();
        var study = new StoredStudy(host);
        await study.PlanAsync(study.Native);
        await host.Flow.FailAsync(
            new()
            {
                Study = study.Context,
                Stage = "SegmentVolume",
                Error = "OutOfMemory",
            },
            StoredStudy.Series,
            ResultsHost.Model,
            CancellationToken.None
        );
        var other = await new StoredStudy(host).ReceiveAsync();

        await ReconcileUntilAsync(host, () => host.Said.OfType<StudyReceived>().Any());

        Assert.Equal(other.Context, host.Said.OfType<StudyReceived>().First().Study);
        Assert.Empty(host.Said.OfType<SegmentVolume>());
        await host.Flow.ReplayAsync(study.Context, CancellationToken.None);
        await host.HearAsync<SegmentVolume>();
    }

    [Fact]
    public async Task A_failure_that_the_work_has_overtaken_keeps_no_study_from_its_end()
    {
        await using var host = await StartAsync();
        var study = await new StoredStudy(host).CompleteAsync();
        await host.Flow.FailAsync(
            new()
            {
                Study = study.Context,
                Stage = "VolumeSegmented",
                Error = "OutOfMemory",
            },
            StoredStudy.Series,
            ResultsHost.Model,
            CancellationToken.None
        );

        await ReconcileUntilAsync(host, () => host.Said.OfType<StudyAnalysed>().Any());

        Assert.False(
            await host.Blobs.ExistsAsync(BlobNames.Failure(study.Context), CancellationToken.None)
        );
    }

    [Fact]
    public async Task An_unfinished_upload_is_left_alone_and_then_forgotten()
    {
        await using var host = await StartAsync(("Results:AbandonAfter", "00:00:02"));
        var study = await new StoredStudy(host).OpenAsync();
        var marker = BlobNames.Open(study.Context);

        await Reconciler(host).ReconcileAsync(CancellationToken.None);
        Assert.True(await host.Blobs.ExistsAsync(marker, CancellationToken.None));

        await Eventually.Async(async () =>
        {
            await Reconciler(host).ReconcileAsync(CancellationToken.None);
            return !await host.Blobs.ExistsAsync(marker, CancellationToken.None);
        });
        Assert.Empty(host.Said);
    }

    [Fact]
    public async Task A_study_that_cannot_be_read_does_not_keep_others_from_their_turn()
    {
        await using var host = await StartAsync();
        var broken = await new StoredStudy(host).ReceiveAsync();
        await host.Blobs.TryCreateAsync(
            BlobNames.Plan(broken.Context),
            (stream, token) => stream.WriteAsync("not a plan"u8.ToArray(), token).AsTask(),
            CancellationToken.None
        );
        await new StoredStudy(host, "beta").ReceiveAsync();

        await ReconcileUntilAsync(host, () => host.Said.OfType<StudyReceived>().Any());

        Assert.Equal("beta", host.Said.OfType<StudyReceived>().First().Study.Tenant);
    }

    [Fact]
    public async Task Turns_are_given_once_and_come_later_each_time_until_work_goes_on()
    {
        await using var host = await StartAsync();
        var projection = host.Services.GetRequiredService<Projection>();
        var study = new StoredStudy(host).Context;
        var start = StoredStudy.ReceivedAt;
        Task<bool> ClaimAsync(double now, double activity = 0) =>
            projection.TryClaimAsync(
                study,
                start.AddMinutes(activity),
                start.AddMinutes(now),
                TimeSpan.FromMinutes(2),
                CancellationToken.None
            );

        var replicas = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ClaimAsync(10)));
        Assert.Equal(1, replicas.Count(claimed => claimed));
        Assert.False(await ClaimAsync(11.9));
        Assert.True(await ClaimAsync(12)); // the next is due in 4 minutes
        Assert.False(await ClaimAsync(15.9));
        Assert.True(await ClaimAsync(16)); // in 8
        Assert.False(await ClaimAsync(23.9));
        Assert.True(await ClaimAsync(17, activity: 16.5)); // a new blob: in 2 again
        Assert.False(await ClaimAsync(18.9, activity: 16.5));
        Assert.True(await ClaimAsync(19, activity: 16.5));
    }

    private static Reconciler Reconciler(ResultsHost host) =>
        host.Services.GetRequiredService<Reconciler>();

    private static Task ReconcileUntilAsync(ResultsHost host, Func<bool> holds) =>
        Eventually.Async(async () =>
        {
            await Reconciler(host).ReconcileAsync(CancellationToken.None);
            return holds();
        });

    private Task<ResultsHost> StartAsync(params (string Key, string Value)[] settings) =>
        ResultsHost.StartAsync(
            _folder,
            null,
            [("Results:ReconcileAfter", "00:00:00.050"), .. settings]
        );
}
