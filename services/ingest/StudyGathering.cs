using System.Globalization;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// Studies whose instances come one by one, from several senders, in several requests: each is stored as it comes, under a name by which it is there once.
/// A study is complete when its sender says so, when the declared number is there, when nothing came for a while, or after the hard cap; what comes later
/// makes the next revision. A marker says from before the first byte that there is something to close; it goes only once a manifest lists everything that
/// is stored, so that no instance is ever acknowledged and forgotten.
/// </summary>
public sealed partial class StudyGathering(
    IBlobStore blobs,
    StudyIntake intake,
    StudyRevisions revisions,
    TenantDirectory tenants,
    IOptions<IngestOptions> options,
    TimeProvider time,
    ILogger<StudyGathering> logger
)
{
    private const string Since = "since";
    private const string Expects = "expects-";

    /// <summary>Most instances go into their blob in one piece.</summary>
    private const int CopyBytes = 1 << 20;

    /// <summary>Starts to take instances of a study.</summary>
    /// <param name="submission">Whose, checked.</param>
    /// <param name="studyInstanceUid">As received.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal async Task<GatheredStudy> OpenAsync(
        StudySubmission submission,
        string studyInstanceUid,
        CancellationToken cancellationToken
    )
    {
        var study = new GatheredStudy(
            submission,
            tenants.PseudonymOf(submission.Tenant, TenantDirectory.IdentityOfUid(studyInstanceUid))
        );
        await MarkAsync(study, cancellationToken);
        return study;
    }

    /// <summary>Stores an instance, unless it is there.</summary>
    internal async Task<InstanceOutcome> StoreAsync(
        GatheredStudy study,
        ReceivedFile file,
        SpoolFile kept,
        CancellationToken cancellationToken
    )
    {
        var (tenant, studyId) = (study.Submission.Tenant, study.StudyId);
        var name = file.Item(identity => tenants.PseudonymOf(tenant, identity)).Name;
        var instance = StoredInstance.InstanceOf(name);
        await study.LookUpAsync(
            // A sender of one instance a request must not list all before it each time, nor one of many look for each.
            first => StoredAsync(tenant, studyId, first ? instance : "", cancellationToken)
        );
        if (!study.Names.TryAdd(instance, name))
        {
            return study.Names[instance] == name
                ? InstanceOutcome.Repeated
                : InstanceOutcome.OtherContent;
        }
        await blobs.TryCreateAsync(
            file.IsHeld
                ? BlobNames.Held(tenant, studyId, name)
                : BlobNames.Received(tenant, studyId, name),
            async (stream, token) =>
            {
                await using var source = kept.OpenRead(file.Offset, file.Bytes);
                await source.CopyToAsync(stream, CopyBytes, token);
            },
            cancellationToken
        );
        return file.IsHeld ? InstanceOutcome.Held : InstanceOutcome.Stored;
    }

    /// <summary>Keeps who a sender's instances are: only once it is kept may they be acknowledged.</summary>
    internal Task KeepIdentitiesAsync(GatheredStudy study, CancellationToken cancellationToken) =>
        intake.KeepIdentityAsync(
            study.Submission.Tenant,
            study.StudyId,
            study.Files,
            cancellationToken
        );

    /// <summary>Declares how many instances a study has; it is complete once they are there.</summary>
    /// <returns>How many are.</returns>
    internal async Task<int> ExpectAsync(
        GatheredStudy study,
        int instances,
        CancellationToken cancellationToken
    )
    {
        await blobs.TryCreateAsync(
            BlobNames.Gathering(
                study.Submission.Tenant,
                study.StudyId,
                string.Create(CultureInfo.InvariantCulture, $"{Expects}{instances}")
            ),
            (_, _) => Task.CompletedTask,
            cancellationToken
        );
        var (tenant, studyId) = (study.Submission.Tenant, study.StudyId);
        return (await StoredAsync(tenant, studyId, "", cancellationToken)).Count;
    }

    /// <summary>Closes a revision with every instance that is stored.</summary>
    /// <param name="submission">Whose, checked; where the study's first sender said otherwise, that holds.</param>
    /// <param name="studyId">The study.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Where the study is; null where no instance of it is stored.</returns>
    internal async Task<IntakeResult?> CloseAsync(
        StudySubmission submission,
        string studyId,
        CancellationToken cancellationToken
    )
    {
        var tenant = submission.Tenant;
        var marker = await blobs.FindJsonAsync<GatheringMarker>(
            BlobNames.Gathering(tenant, studyId, Since),
            cancellationToken
        );
        if (marker is not null)
        {
            submission = submission with { Site = marker.Site, Priority = marker.Priority };
        }
        var items = Items(await StoredAsync(tenant, studyId, "", cancellationToken));
        IntakeResult? result = null;
        if (items.Length > 0)
        {
            (result, var outcome) = await revisions.CloseAsync(
                submission,
                studyId,
                items,
                (_, _) => Task.CompletedTask,
                cancellationToken
            );
            IngestMetrics.Studies.WithLabels(submission.Site!, outcome).Inc();
            LogClosed(tenant, studyId, result.Study.Revision, outcome, items.Length);
        }
        // An instance that was stored meanwhile is in no manifest yet: the next walk closes the next revision.
        var now = Items(await StoredAsync(tenant, studyId, "", cancellationToken));
        if (StudyRevisions.InputDigest(now) == StudyRevisions.InputDigest(items))
        {
            await foreach (
                var blob in blobs.ListAsync(
                    BlobNames.Gathering(tenant, studyId, ""),
                    cancellationToken
                )
            )
            {
                await blobs.DeleteAsync(blob.Name, cancellationToken);
            }
        }
        return result;
    }

    /// <summary>One walk over all tenants' markers: closes what is complete.</summary>
    public async Task CloseCompleteAsync(CancellationToken cancellationToken)
    {
        foreach (var tenant in tenants.Names)
        {
            var prefix = BlobNames.GatheringPrefix(tenant);
            var markers = new Dictionary<string, List<BlobEntry>>();
            await foreach (var blob in blobs.ListAsync(prefix, cancellationToken))
            {
                var studyId = blob.Name[prefix.Length..].Split('/')[0];
                markers.TryAdd(studyId, []);
                markers[studyId].Add(blob);
            }
            foreach (var (studyId, found) in markers)
            {
                try
                {
                    if (await IsCompleteAsync(tenant, studyId, found, cancellationToken))
                    {
                        var submission = intake.Check(
                            new StudySubmission { Tenant = tenant, Source = "dicomweb" }
                        );
                        await CloseAsync(submission, studyId, cancellationToken);
                    }
                }
                // One study that cannot be closed now must not keep the others from it: the next walk tries again.
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    LogNotClosed(e, tenant, studyId);
                }
            }
        }
    }

    /// <summary>Puts held instances among the others, or drops them, and closes the revision that follows.</summary>
    /// <returns>How many there were.</returns>
    internal async Task<int> ReleaseAsync(
        StudySubmission submission,
        string studyId,
        bool release,
        CancellationToken cancellationToken
    )
    {
        var tenant = submission.Tenant;
        var prefix = BlobNames.HeldPrefix(tenant, studyId);
        var count = 0;
        await foreach (var blob in blobs.ListAsync(prefix, cancellationToken))
        {
            if (release)
            {
                await blobs.TryCreateAsync(
                    BlobNames.Received(tenant, studyId, blob.Name[prefix.Length..]),
                    async (stream, token) =>
                    {
                        await using var held = await blobs.OpenReadAsync(blob.Name, token);
                        await held.CopyToAsync(stream, token);
                    },
                    cancellationToken
                );
            }
            await blobs.DeleteAsync(blob.Name, cancellationToken);
            count++;
        }
        if (count > 0)
        {
            await CloseAsync(submission, studyId, cancellationToken);
        }
        return count;
    }

    /// <summary>How many instances of a study are held.</summary>
    internal async Task<int> HeldAsync(
        string tenant,
        string studyId,
        CancellationToken cancellationToken
    ) =>
        await blobs
            .ListAsync(BlobNames.HeldPrefix(tenant, studyId), cancellationToken)
            .CountAsync(cancellationToken);

    private async Task<bool> IsCompleteAsync(
        string tenant,
        string studyId,
        List<BlobEntry> markers,
        CancellationToken cancellationToken
    )
    {
        var now = time.GetUtcNow();
        var began = markers.Min(marker => marker.LastModified);
        if (now - began >= options.Value.HardCapOf(tenant))
        {
            return true;
        }
        var stored = await StoredAsync(tenant, studyId, "", cancellationToken);
        var last = stored.Select(one => one.At).Append(began).Max();
        return now - last >= options.Value.QuietTimeOf(tenant)
            || markers.Exists(marker =>
                marker.Name[(marker.Name.LastIndexOf('/') + 1)..] is var what
                && what.StartsWith(Expects, StringComparison.Ordinal)
                && int.Parse(what.AsSpan(Expects.Length), CultureInfo.InvariantCulture)
                    <= stored.Count
            );
    }

    /// <summary>Says that there is something to close. A study may be closed at any time: it is said again once a sender's instances are stored.</summary>
    internal Task<bool> MarkAsync(GatheredStudy study, CancellationToken cancellationToken) =>
        blobs.TryCreateJsonAsync(
            BlobNames.Gathering(study.Submission.Tenant, study.StudyId, Since),
            new GatheringMarker(study.Submission.Site!, study.Submission.Priority),
            cancellationToken
        );

    /// <summary>What is stored of a study: of an instance that two senders sent with other content at the same moment, the first.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="studyId">The study.</param>
    /// <param name="instance">Only of this instance; "" for all.</param>
    /// <param name="cancellationToken">Cancels.</param>
    private async Task<IReadOnlyList<StoredInstance>> StoredAsync(
        string tenant,
        string studyId,
        string instance,
        CancellationToken cancellationToken
    )
    {
        var stored = new List<StoredInstance>();
        foreach (
            var (prefix, refusal) in new[]
            {
                (BlobNames.InputPrefix(tenant, studyId), null),
                (BlobNames.HeldPrefix(tenant, studyId), ReceivedFile.Held),
            }
        )
        {
            await foreach (var blob in blobs.ListAsync(prefix + instance, cancellationToken))
            {
                stored.Add(StoredInstance.Of(blob, blob.Name[prefix.Length..], refusal));
            }
        }
        return
        [
            .. stored
                .GroupBy(one => one.Instance)
                .Select(same => same.OrderBy(one => one.At).ThenBy(one => one.Item.Name).First()),
        ];
    }

    private static ReceivedItem[] Items(IReadOnlyList<StoredInstance> stored) =>
        [.. stored.Select(one => one.Item).OrderBy(item => item.Name, StringComparer.Ordinal)];

    private sealed record GatheringMarker(string Site, StudyPriority Priority);

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: study {StudyId} r{Revision} complete, {Outcome}: {Instances} instances"
    )]
    private partial void LogClosed(
        string tenant,
        string studyId,
        int revision,
        string outcome,
        int instances
    );

    [LoggerMessage(LogLevel.Error, "{Tenant}: study {StudyId} cannot be closed; tried again later")]
    private partial void LogNotClosed(Exception e, string tenant, string studyId);
}
