using MassTransit;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>
/// Brings a revision forward from what the blob store holds of it, whoever asks: the last stage's event, the reconciler, a replay.
/// Any step may be taken twice, by several replicas at once.
/// </summary>
public sealed partial class StudyFlow(
    IBlobStore blobs,
    Projection projection,
    IBus bus,
    TimeProvider time,
    ILogger<StudyFlow> logger
)
{
    private static readonly string CodeVersion = typeof(StudyFlow)
        .Assembly.GetName()
        .Version!.ToString(3);

    /// <summary>Ends the revision if everything that was planned exists.</summary>
    /// <returns>False where something is missing.</returns>
    public async Task<bool> TryEndAsync(StudyContext study, CancellationToken cancellationToken)
    {
        var ledger = await RevisionLedger.ReadAsync(blobs, study, cancellationToken);
        if (ledger.Next != FlowStep.Ended)
        {
            return false;
        }
        await EndAsync(study, ledger, cancellationToken);
        return true;
    }

    /// <summary>Ends the revision, or asks again for what it lacks first.</summary>
    /// <returns>What it lacked first.</returns>
    public async Task<FlowStep> AdvanceAsync(
        StudyContext study,
        RevisionLedger ledger,
        CancellationToken cancellationToken
    )
    {
        var step = ledger.Next;
        switch (step)
        {
            case FlowStep.Ended:
                await EndAsync(study, ledger, cancellationToken);
                break;
            case FlowStep.Planning:
                await bus.PublishConfirmedAsync(
                    new StudyReceived { Study = study },
                    cancellationToken
                );
                break;
            case FlowStep.Inferring or FlowStep.Assessing:
                foreach (var output in ledger.ReadyOutputs)
                {
                    await SendAsync(study, output, cancellationToken);
                }
                foreach (var output in ledger.MissingQualities)
                {
                    await bus.PublishConfirmedAsync(
                        new VolumeSegmented
                        {
                            Study = study,
                            Series = output.Series,
                            Model = output.Model,
                        },
                        cancellationToken
                    );
                }
                break;
        }
        return step;
    }

    /// <summary>A stage refused the study: that is how the revision ends, unless it has ended already.</summary>
    public async Task RejectAsync(StudyRejected rejection, CancellationToken cancellationToken)
    {
        var study = rejection.Study;
        var manifest = await blobs.FindJsonAsync<StudyManifest>(
            BlobNames.Manifest(study),
            cancellationToken
        );
        await blobs.TryCreateJsonAsync(
            BlobNames.Report(study),
            ReportBuilder.Rejected(rejection, manifest, time.GetUtcNow(), CodeVersion),
            cancellationToken
        );
        await CloseAsync(study, cancellationToken);
    }

    /// <summary>A stage gave up on a message: the revision waits for a replay, unless it has ended already.</summary>
    public async Task FailAsync(
        StudyFailed failure,
        string series,
        string model,
        CancellationToken cancellationToken
    )
    {
        var study = failure.Study;
        if (await blobs.ExistsAsync(BlobNames.Report(study), cancellationToken))
        {
            return;
        }
        var name = BlobNames.Failure(study);
        await blobs.TryCreateJsonAsync(name, failure, cancellationToken);
        // The first failure is the one the change feed tells; every series' own is in the progress list.
        var first = await blobs.FindJsonAsync<StudyFailed>(name, cancellationToken) ?? failure;
        if (
            await projection.RecordFailureAsync(
                first,
                new(StudyStage.Failed, series, model, failure.Stage, failure.FailedAt),
                cancellationToken
            )
        )
        {
            ResultsMetrics.Studies.WithLabels("Failed", "").Inc();
        }
        await bus.PublishConfirmedAsync(failure, cancellationToken);
        LogFailed(logger, study.StudyId, study.Revision, failure.Stage, failure.Error);
    }

    /// <summary>Forgets a failure and takes up the work at once.</summary>
    /// <returns>False where the revision has ended.</returns>
    public async Task<bool> ReplayAsync(StudyContext study, CancellationToken cancellationToken)
    {
        if (!await blobs.ExistsAsync(BlobNames.Open(study), cancellationToken))
        {
            return false;
        }
        await blobs.DeleteAsync(BlobNames.Failure(study), cancellationToken);
        await projection.ClearFailureAsync(study, cancellationToken);
        var ledger = await RevisionLedger.ReadAsync(blobs, study, cancellationToken);
        var step = await AdvanceAsync(study, ledger, cancellationToken);
        LogReplayed(logger, study.StudyId, study.Revision, step);
        return true;
    }

    private async Task EndAsync(
        StudyContext study,
        RevisionLedger ledger,
        CancellationToken cancellationToken
    )
    {
        if (!ledger.HasReport)
        {
            var report = await BuildReportAsync(ledger.Plan!, cancellationToken);
            await blobs.TryCreateJsonAsync(BlobNames.Report(study), report, cancellationToken);
        }
        // Without its marker the revision's end has been told and confirmed before.
        if (await blobs.ExistsAsync(BlobNames.Open(study), cancellationToken))
        {
            await CloseAsync(study, cancellationToken);
        }
    }

    /// <summary>Tells the end that report.json states, and removes the open marker once the broker has it.</summary>
    private async Task CloseAsync(StudyContext study, CancellationToken cancellationToken)
    {
        var report = await blobs.ReadJsonAsync<StudyReport>(
            BlobNames.Report(study),
            cancellationToken
        );
        var isNew = await projection.RecordReportAsync(report, cancellationToken);
        if (report.Outcome == StudyOutcome.Analysed)
        {
            await bus.PublishConfirmedAsync(
                new StudyAnalysed
                {
                    Study = report.Study,
                    Verdict = report.Verdict,
                    NotForDiagnosis = report.NotForDiagnosis,
                },
                cancellationToken
            );
        }
        await blobs.DeleteAsync(BlobNames.Failure(study), cancellationToken);
        await blobs.DeleteAsync(BlobNames.Open(study), cancellationToken);
        if (isNew)
        {
            ResultsMetrics
                .Studies.WithLabels(report.Outcome.ToString(), report.Verdict.ToString())
                .Inc();
            if (report.ReceivedAt is { } received)
            {
                ResultsMetrics.Turnaround.Observe((report.CompletedAt - received).TotalSeconds);
            }
            LogEnded(logger, study.StudyId, study.Revision, report.Outcome, report.Verdict);
        }
    }

    private async Task<StudyReport> BuildReportAsync(
        StudyPlan plan,
        CancellationToken cancellationToken
    )
    {
        var manifest = await blobs.FindJsonAsync<StudyManifest>(
            BlobNames.Manifest(plan.Study),
            cancellationToken
        );
        var outputs = new List<ReportedOutput>();
        foreach (var planned in plan.Outputs)
        {
            var output = new ReportedOutput { Plan = planned };
            if (planned.NotApplicable is null)
            {
                output = output with
                {
                    Provenance = await blobs.ReadJsonAsync<OutputProvenance>(
                        BlobNames.Provenance(plan.Study, planned.Model, planned.Series),
                        cancellationToken
                    ),
                };
                if (planned.Kind == OutputKind.Segmentation)
                {
                    output = output with
                    {
                        Quality = await blobs.ReadJsonAsync<SegmentationQuality>(
                            BlobNames.Quality(plan.Study, planned.Model, planned.Series),
                            cancellationToken
                        ),
                    };
                }
            }
            outputs.Add(output);
        }
        return ReportBuilder.Analysed(
            plan,
            outputs,
            manifest?.ReceivedAt,
            time.GetUtcNow(),
            CodeVersion
        );
    }

    private Task SendAsync(
        StudyContext study,
        PlannedOutput output,
        CancellationToken cancellationToken
    ) =>
        output.Kind == OutputKind.Segmentation
            ? bus.SendToModelAsync(
                new SegmentVolume
                {
                    Study = study,
                    Series = output.Series,
                    Model = output.Model,
                },
                cancellationToken
            )
            : bus.SendToModelAsync(
                new SuperResolveVolume
                {
                    Study = study,
                    Series = output.Series,
                    Model = output.Model,
                },
                cancellationToken
            );

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "study {StudyId} r{Revision} ended: {Outcome} {Verdict}"
    )]
    private static partial void LogEnded(
        ILogger logger,
        string studyId,
        int revision,
        StudyOutcome outcome,
        Verdict verdict
    );

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "study {StudyId} r{Revision} failed at {Stage}: {Error}"
    )]
    private static partial void LogFailed(
        ILogger logger,
        string studyId,
        int revision,
        string stage,
        string error
    );

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "study {StudyId} r{Revision} replayed: {Step}"
    )]
    private static partial void LogReplayed(
        ILogger logger,
        string studyId,
        int revision,
        FlowStep step
    );
}
