using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>ingest, as part of a host.</summary>
public static class IngestService
{
    /// <summary>Adds <see cref="StudyIntake"/> and <see cref="StudyGathering"/> with the options of section "Ingest". It consumes nothing.</summary>
    public static void AddIngest(this WebApplicationBuilder builder)
    {
        builder.AddBlobs();
        builder.AddValidatedOptions<IngestOptions>("Ingest");
        builder.Services.AddSingleton<StudyRevisions>();
        builder.Services.AddSingleton<StudyIntake>();
        builder.Services.AddSingleton<StudyGathering>();
        builder.Services.AddHostedService<StudyCloser>();
        builder.Services.AddSingleton<StudyIntakeGrpcService>();
    }

    /// <summary>Maps POST /api/studies and STOW-RS. gRPC is mapped by the host, because Submit and Watch are one service.</summary>
    public static void MapIngest(this WebApplication app)
    {
        app.MapPost("/api/studies", StudyUploadEndpoint.PostAsync).DisableAntiforgery();
        StoreEndpoint.Map(app);
    }
}
