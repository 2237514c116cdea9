using System.Security.Claims;
using Microsoft.EntityFrameworkCore;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>The change feed: a tenant's CloudEvents in their order, for whoever would rather ask than listen.</summary>
internal static class ChangeFeedEndpoints
{
    private const int LargestPage = 200;
    private const string Batch = "application/cloudevents-batch+json";
    private const string Single = "application/cloudevents+json";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/changefeed", ReadAsync);
        routes.MapGet("/changefeed/latest", LatestAsync);
    }

    /// <summary>The events after the first <paramref name="offset"/>, which is the last sequence the caller has seen.</summary>
    private static async Task<IResult> ReadAsync(
        ClaimsPrincipal user,
        IDbContextFactory<ResultsDb> databases,
        CancellationToken cancellationToken,
        long offset = 0,
        int limit = 50
    )
    {
        var tenant = user.Tenant();
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var events = await db
            .Changes.Where(c => c.Tenant == tenant && c.Sequence > offset)
            .OrderBy(c => c.Sequence)
            .Take(Math.Clamp(limit, 1, LargestPage))
            .Select(c => c.Json)
            .ToListAsync(cancellationToken);
        return TypedResults.Text($"[{string.Join(',', events)}]", Batch);
    }

    private static async Task<IResult> LatestAsync(
        ClaimsPrincipal user,
        IDbContextFactory<ResultsDb> databases,
        CancellationToken cancellationToken
    )
    {
        var tenant = user.Tenant();
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var json = await db
            .Changes.Where(c => c.Tenant == tenant)
            .OrderByDescending(c => c.Sequence)
            .Select(c => c.Json)
            .FirstOrDefaultAsync(cancellationToken);
        return json is null ? TypedResults.NoContent() : TypedResults.Text(json, Single);
    }
}
