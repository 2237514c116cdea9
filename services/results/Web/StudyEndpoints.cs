using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>A study in a listing.</summary>
public sealed record StudySummary(
    string StudyId,
    int Revision,
    string Site,
    string Stage,
    Verdict? Verdict,
    bool NotForDiagnosis,
    string? Detail,
    DateTimeOffset ReceivedAt,
    DateTimeOffset UpdatedAt
)
{
    internal static StudySummary Of(StudyRow row) =>
        new(
            row.StudyId,
            row.Revision,
            row.Site,
            row.Stage.Name(),
            row.Verdict,
            row.NotForDiagnosis,
            row.Detail,
            DateTimeOffset.FromUnixTimeMilliseconds(row.ReceivedAt),
            DateTimeOffset.FromUnixTimeMilliseconds(row.UpdatedAt)
        );
}

/// <summary>A page of studies, newest first. <paramref name="Next"/> goes into the next request's <c>before</c>; null on the last page.</summary>
public sealed record StudyPage(IReadOnlyList<StudySummary> Studies, string? Next);

/// <summary>One thing that happened.</summary>
public sealed record ProgressEntry(
    string Stage,
    string Series,
    string Model,
    string Detail,
    DateTimeOffset Time
);

/// <summary>One revision of a study with its progress, and which other revisions there are.</summary>
public sealed record StudyDetail(
    StudySummary Study,
    IReadOnlyList<ProgressEntry> Progress,
    IReadOnlyList<int> Revisions
);

/// <summary>What a hospital asks about its studies. Another hospital's study is not found.</summary>
internal static class StudyEndpoints
{
    private const int LargestPage = 200;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var studies = routes.MapGroup("/api/studies");
        studies.MapGet("/", ListAsync);
        studies.MapGet("/{studyId}", FindAsync);
        studies.MapGet("/{studyId}/report", ReportAsync);
        studies.MapPost("/{studyId}/replay", ReplayAsync);
    }

    private static async Task<Results<Ok<StudyPage>, ProblemHttpResult>> ListAsync(
        ClaimsPrincipal user,
        IDbContextFactory<ResultsDb> databases,
        CancellationToken cancellationToken,
        string? before = null,
        int limit = 50
    )
    {
        var tenant = user.Tenant();
        limit = Math.Clamp(limit, 1, LargestPage);
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var query = db
            .Studies.AsNoTracking()
            .Where(s =>
                s.Tenant == tenant
                && !db.Studies.Any(later =>
                    later.Tenant == s.Tenant
                    && later.StudyId == s.StudyId
                    && later.Revision > s.Revision
                )
            );
        if (before is not null)
        {
            if (!TryReadCursor(before, out var time, out var id))
            {
                return TypedResults.Problem(
                    title: "bad cursor",
                    detail: "'before' is the value of 'next' in the previous page.",
                    statusCode: StatusCodes.Status400BadRequest
                );
            }
            query = query.Where(s =>
                s.ReceivedAt < time || (s.ReceivedAt == time && string.Compare(s.StudyId, id) < 0)
            );
        }
        var rows = await query
            .OrderByDescending(s => s.ReceivedAt)
            .ThenByDescending(s => s.StudyId)
            .Take(limit)
            .ToListAsync(cancellationToken);
        var next =
            rows.Count < limit
                ? null
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{rows[^1].ReceivedAt}-{rows[^1].StudyId}"
                );
        return TypedResults.Ok(new StudyPage([.. rows.Select(StudySummary.Of)], next));
    }

    private static async Task<Results<Ok<StudyDetail>, ProblemHttpResult>> FindAsync(
        string studyId,
        ClaimsPrincipal user,
        IDbContextFactory<ResultsDb> databases,
        IBlobStore blobs,
        TimeProvider clock,
        CancellationToken cancellationToken,
        int revision = 0
    )
    {
        var tenant = user.Tenant();
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var revisions = await db
            .Studies.AsNoTracking()
            .Where(s => s.Tenant == tenant && s.StudyId == studyId)
            .OrderBy(s => s.Revision)
            .ToListAsync(cancellationToken);
        var row =
            revision == 0 ? revisions.LastOrDefault() : revisions.Find(r => r.Revision == revision);
        if (row is not null)
        {
            var progress = await db
                .Progress.AsNoTracking()
                .Where(p =>
                    p.Tenant == tenant && p.StudyId == studyId && p.Revision == row.Revision
                )
                .ToListAsync(cancellationToken);
            return TypedResults.Ok(
                new StudyDetail(
                    StudySummary.Of(row),
                    [
                        .. ProgressRow
                            .InOrder(progress)
                            .Select(p => new ProgressEntry(
                                p.Stage.Name(),
                                p.Series,
                                p.Model,
                                p.Detail,
                                DateTimeOffset.FromUnixTimeMilliseconds(p.Time)
                            )),
                    ],
                    [.. revisions.Select(r => r.Revision)]
                )
            );
        }
        // Received a moment ago: its event is still on the way to the read model.
        if (
            await StudyLookup.FindAsync(blobs, tenant, studyId, revision, cancellationToken)
            is not { } study
        )
        {
            return UnknownStudy();
        }
        var now = clock.GetUtcNow();
        return TypedResults.Ok(
            new StudyDetail(
                new(
                    study.StudyId,
                    study.Revision,
                    study.Site,
                    StudyStage.Received.Name(),
                    null,
                    false,
                    null,
                    now,
                    now
                ),
                [],
                [study.Revision]
            )
        );
    }

    private static async Task<Results<Ok<StudyReport>, ProblemHttpResult>> ReportAsync(
        string studyId,
        ClaimsPrincipal user,
        IBlobStore blobs,
        CancellationToken cancellationToken,
        int revision = 0
    )
    {
        if (
            await StudyLookup.FindAsync(blobs, user.Tenant(), studyId, revision, cancellationToken)
            is not { } study
        )
        {
            return UnknownStudy();
        }
        var report = await blobs.FindJsonAsync<StudyReport>(
            BlobNames.Report(study),
            cancellationToken
        );
        return report is null
            ? TypedResults.Problem(
                title: "no report yet",
                detail: "The study is in progress, or a stage failed: its progress list tells.",
                statusCode: StatusCodes.Status404NotFound
            )
            : TypedResults.Ok(report);
    }

    private static async Task<Results<Accepted, ProblemHttpResult>> ReplayAsync(
        string studyId,
        ClaimsPrincipal user,
        IBlobStore blobs,
        StudyFlow flow,
        CancellationToken cancellationToken,
        int revision = 0
    )
    {
        var tenant = user.Tenant();
        if (
            await StudyLookup.FindAsync(blobs, tenant, studyId, revision, cancellationToken)
            is not { } study
        )
        {
            return UnknownStudy();
        }
        return await flow.ReplayAsync(study, cancellationToken)
            ? TypedResults.Accepted($"/api/studies/{studyId}")
            : TypedResults.Problem(
                title: "already ended",
                detail: "The revision has its report; there is nothing to replay.",
                statusCode: StatusCodes.Status409Conflict
            );
    }

    internal static ProblemHttpResult UnknownStudy() =>
        TypedResults.Problem(
            title: "unknown study",
            detail: "Your hospital has no study of this id and revision.",
            statusCode: StatusCodes.Status404NotFound
        );

    private static bool TryReadCursor(string cursor, out long time, out string id)
    {
        var dash = cursor.IndexOf('-');
        id = cursor[(dash + 1)..];
        return long.TryParse(
            cursor.AsSpan(0, Math.Max(0, dash)),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out time
        );
    }
}
