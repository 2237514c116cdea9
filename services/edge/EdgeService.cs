using Microsoft.Extensions.Options;
using Platform.Hosting;

namespace Platform.Edge;

/// <summary>The agent, as a host.</summary>
public static class EdgeService
{
    /// <summary>What pseudonyms and vault are called within the agent, which serves one site.</summary>
    internal const string Tenant = "edge";

    /// <summary>Adds the agent with the options of section "Edge".</summary>
    public static void AddEdge(this WebApplicationBuilder builder)
    {
        builder.AddValidatedOptions<EdgeOptions>("Edge");
        var services = builder.Services;
        // The site's secret instead of tenants': the agent is asked by nobody who would need a key.
        services.AddSingleton(provider => new TenantDirectory(
            Options.Create(
                new TenantsOptions
                {
                    new() { Name = Tenant, StudySecret = Of(provider).Secret },
                }
            )
        ));
        services.AddSingleton<IBlobStore>(provider => new FolderBlobStore(
            Path.Combine(Of(provider).StatePath, "vault")
        ));
        services.AddSingleton<IdentityVault>();
        services.AddSingleton<StudyLedger>();
        services.AddSingleton<OrthancClient>();
        services.AddSingleton<PlatformClient>();
        services.AddSingleton<StudySender>();
        services.AddSingleton<ResultReturner>();
        services.AddHostedService<EdgeWorker>();
    }

    /// <summary>
    /// Maps GET /studies, what is waiting, sent and set aside, by pseudonyms and Orthanc's identifiers; and POST /studies/{id}/retry, which sends one that was
    /// set aside, or one of which instances were refused or held, again from the start. Both need no key: the agent listens to its own machine.
    /// </summary>
    public static void MapEdge(this WebApplication app)
    {
        app.MapGet(
                "/studies",
                (StudyLedger ledger) =>
                    ledger.Active.OrderBy(study => study.Since).Select(EdgeStudy.Of)
            )
            .AllowAnonymous();
        app.MapPost(
                "/studies/{id}/retry",
                (string id, StudyLedger ledger) =>
                    ledger.Find(id) is null
                        ? Results.NotFound()
                        : Results.Ok(EdgeStudy.Of(ledger.Retry(id)))
            )
            .AllowAnonymous();
    }

    /// <summary>Folder of what is on its way.</summary>
    internal static string SpoolOf(EdgeOptions options) => Path.Combine(options.StatePath, "spool");

    private static EdgeOptions Of(IServiceProvider provider) =>
        provider.GetRequiredService<IOptions<EdgeOptions>>().Value;
}

/// <summary>A study, as the agent shows it.</summary>
internal sealed record EdgeStudy(
    string Id,
    string Orthanc,
    EdgeStudyState State,
    DateTimeOffset Since,
    DateTimeOffset? SentAt,
    int Acknowledged,
    int Refused,
    int Held,
    int Attempts,
    string? Reason,
    int Results,
    int ToForward
)
{
    public static EdgeStudy Of(StudyRecord study) =>
        new(
            study.Id,
            study.Orthanc,
            study.State,
            study.Since,
            study.SentAt,
            study.Acknowledged,
            study.Refused,
            study.Held,
            study.Attempts,
            study.Reason,
            study.Results.Values.Count(result => result.Orthanc is not null),
            study.Results.Values.Sum(result => result.StoreTo.Count)
        );
}
