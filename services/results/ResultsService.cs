using MassTransit;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>Composes the service.</summary>
public static class ResultsService
{
    /// <summary>Adds what results needs; call it before <c>AddBus</c>, so that the tables exist before the first message.</summary>
    public static void AddResults(this WebApplicationBuilder builder)
    {
        // Entity Framework tells every statement at "information".
        builder.Logging.AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.AddBlobs();
        builder.AddValidatedOptions<ResultsOptions>("Results");
        builder.Services.AddPooledDbContextFactory<ResultsDb>(Configure);
        builder.Services.AddSingleton<ProjectionSignal>();
        builder.Services.AddSingleton<Projection>();
        builder.Services.AddSingleton<StudyFlow>();
        builder.Services.AddSingleton<ResultCatalog>();
        builder.Services.AddSingleton<StudyWatcher>();
        builder.Services.AddSingleton<StudyWatchGrpcService>();
        builder.Services.AddHostedService<ReadModelSetup>();
        builder.Services.AddSingleton<Reconciler>();
        if (builder.Configuration.ReadValidated<ResultsOptions>("Results").Reconcile)
        {
            builder.Services.AddHostedService(services =>
                services.GetRequiredService<Reconciler>()
            );
        }
        if (
            builder.Configuration.ReadValidated<BusOptions>("Bus").Transport
            == BusTransport.RabbitMq
        )
        {
            builder.Services.AddHostedService<ChangeFeedPump>();
        }
        builder
            .Services.AddHealthChecks()
            .AddCheck<ReadModelCheck>(
                "database",
                tags: ["ready"],
                timeout: TimeSpan.FromSeconds(5)
            );
    }

    /// <summary>Maps the HTTP endpoints and the web page. The host maps <see cref="StudyWatchGrpcService"/> or a service that uses <see cref="StudyWatcher"/>.</summary>
    public static void MapResults(this WebApplication app)
    {
        StudyEndpoints.Map(app);
        OutputEndpoints.Map(app);
        var web = app.MapGroup("/dicom-web");
        SearchEndpoints.Map(web);
        RetrieveEndpoints.Map(web);
        ChangeFeedEndpoints.Map(app);
        WebPage.Map(app);
    }

    /// <summary>The consumers on the queue "results".</summary>
    public static void AddConsumers(IBusRegistrationConfigurator bus)
    {
        bus.AddConsumer<ProgressConsumer, ProgressConsumerDefinition>();
        bus.AddConsumer<FaultConsumer, FaultConsumerDefinition>();
    }

    private static void Configure(IServiceProvider services, DbContextOptionsBuilder database)
    {
        var options = services.GetRequiredService<IOptions<ResultsOptions>>().Value;
        if (options.Database == ResultsDatabase.PostgreSql)
        {
            var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString)
            {
                MaxPoolSize = options.Connections,
            };
            database.UseNpgsql(connection.ConnectionString);
        }
        else
        {
            database.UseSqlite(options.ConnectionString);
        }
    }
}
