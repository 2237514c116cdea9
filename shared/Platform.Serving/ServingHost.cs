using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Platform.Hosting;
using Platform.Inference;

namespace Platform.Serving;

/// <summary>What a process that serves models has.</summary>
public static class ServingHost
{
    /// <summary>Commands of one queue in hand at once: one is fetched and one stored while one is inferred.</summary>
    public const int CommandsInHand = 3;

    /// <summary>
    /// Adds the models' pool and gate with the options of section "Inference", and loads <paramref name="served"/> while the host starts.
    /// A host that composes several model services calls it once for each.
    /// </summary>
    public static void AddServing(this WebApplicationBuilder builder, ServedModels served)
    {
        builder.AddBlobs();
        builder.AddValidatedOptions<InferenceOptions>("Inference");
        builder.Services.TryAddSingleton(services =>
        {
            var blobs = services.GetRequiredService<IBlobStore>();
            return new ModelRepository(
                (prefix, token) => blobs.ListAsync(prefix, token).Select(blob => blob.Name),
                blobs.OpenReadAsync
            );
        });
        builder.Services.TryAddSingleton<ModelPool>();
        builder.Services.TryAddSingleton<InferenceGate>();
        builder.Services.TryAddSingleton<ModelStage>();
        builder.Services.AddSingleton<IHostedService>(services => new ModelLoader(
            services,
            served,
            services.GetRequiredService<ILogger<ModelLoader>>()
        ));
    }

    /// <summary>Maps the Open Inference Protocol's gRPC service.</summary>
    public static void MapServing(this WebApplication app) =>
        app.MapGrpcService<OpenInferenceService>();

    /// <summary>The models a service serves: those configured, else every installed one of its task; of two versions of one name, the highest.</summary>
    /// <typeparam name="TOptions">The service's options.</typeparam>
    /// <param name="task">What the service does.</param>
    public static ServedModels Models<TOptions>(ModelTask task)
        where TOptions : ServedModelsOptions =>
        async (services, cancellationToken) =>
        {
            var named = services.GetRequiredService<IOptions<TOptions>>().Value.Configured;
            var ids =
                named.Count > 0
                    ? named
                    : (
                        await services
                            .GetRequiredService<ModelRepository>()
                            .ListAsync(cancellationToken)
                    )
                        .Where(m => m.Task == task)
                        .Select(m => m.Id);
            return [.. ids.GroupBy(id => id.Split('@')[0]).Select(versions => versions.Last())];
        };
}

/// <summary>Loads the models while the host starts, so that a pod that is ready answers at once.</summary>
internal sealed partial class ModelLoader(
    IServiceProvider services,
    ServedModels served,
    ILogger<ModelLoader> logger
) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var pool = services.GetRequiredService<ModelPool>();
        foreach (var id in await served(services, cancellationToken))
        {
            try
            {
                var model = await pool.GetAsync(id, cancellationToken);
                LogLoaded(model.Manifest.Id, model.ExecutionProvider);
            }
            catch (ModelPackageException e)
            {
                // The queue is served all the same: its studies are rejected with the reason instead of waiting for ever.
                LogUnusable(id, e);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Information, "serving {Model} on {ExecutionProvider}")]
    private partial void LogLoaded(string model, string executionProvider);

    [LoggerMessage(LogLevel.Error, "model {Model} cannot be served")]
    private partial void LogUnusable(string model, Exception exception);
}
