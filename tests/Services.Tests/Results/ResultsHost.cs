using System.Collections.Concurrent;
using System.Globalization;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Results;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>The results service as a process would run it, with a folder as blob store, and what it says on the bus.</summary>
internal sealed class ResultsHost : IAsyncDisposable
{
    public const string Model = "brain@1.0.0";
    public const string Sharpener = "thin@1.0.0";
    public static readonly (string Key, string Hash) Alpha = ApiKeys.New();
    public static readonly (string Key, string Hash) Beta = ApiKeys.New();

    private readonly WebApplication _app;

    private ResultsHost(WebApplication app) => _app = app;

    public IServiceProvider Services => _app.Services;
    public IBlobStore Blobs => Services.GetRequiredService<IBlobStore>();
    public StudyFlow Flow => Services.GetRequiredService<StudyFlow>();
    public IBus Bus => Services.GetRequiredService<IBus>();
    public ConcurrentQueue<object> Said => Services.GetRequiredService<Heard>().Messages;

    public static async Task<ResultsHost> StartAsync(
        TemporaryFolder folder,
        string? postgres = null,
        params (string Key, string Value)[] settings
    )
    {
        var builder = PlatformHost.CreateBuilder([], "results");
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        var values = new Dictionary<string, string?>
        {
            ["Http:Port"] = "0",
            ["Http:GrpcPort"] = "0",
            ["Blobs:Path"] = folder["blobs"],
            ["Results:Database"] = postgres is null ? "Sqlite" : "PostgreSql",
            ["Results:ConnectionString"] =
                postgres ?? $"Data Source={folder["results.db"]};Pooling=False",
            ["Results:Reconcile"] = "false",
            ["Results:PollEvery"] = "00:00:00.100",
            ["Bus:Retries"] = "0",
        };
        foreach (
            var (n, (name, hash)) in new[] { ("alpha", Alpha.Hash), ("beta", Beta.Hash) }.Index()
        )
        {
            values[$"Tenants:{n}:Name"] = name;
            values[$"Tenants:{n}:KeyHashes:0"] = hash;
            values[$"Tenants:{n}:StudySecret"] = Convert.ToBase64String(new byte[16]);
        }
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }
        builder.Configuration.AddInMemoryCollection(values);
        builder.Services.AddSingleton<Heard>();
        builder.AddResults();
        builder.AddBus(bus =>
        {
            ResultsService.AddConsumers(bus);
            bus.AddConsumer<Listener>();
            bus.AddConsumer<ModelListener>()
                .Endpoint(e =>
                {
                    e.Name = QueueNames.Model(Model, StudyPriority.Routine);
                    e.ConfigureConsumeTopology = false;
                });
            bus.AddConsumer<SharpenerListener>()
                .Endpoint(e =>
                {
                    e.Name = QueueNames.Model(Sharpener, StudyPriority.Routine);
                    e.ConfigureConsumeTopology = false;
                });
        });
        var app = builder.Build();
        app.MapPlatform();
        app.MapResults();
        app.MapGrpcService<StudyWatchGrpcService>();
        await app.StartAsync();
        return new(app);
    }

    /// <summary>Whether the segmentation model throws, as it would in an outage.</summary>
    public void ModelsFail(bool fail) => Services.GetRequiredService<Heard>().ModelsFail = fail;

    public Uri Address(bool grpc) =>
        new(
            Services
                .GetRequiredService<IServer>()
                .Features.Get<IServerAddressesFeature>()!
                .Addresses.ElementAt(grpc ? 1 : 0)
        );

    public async Task<T> QueryAsync<T>(Func<ResultsDb, Task<T>> query)
    {
        var databases = Services.GetRequiredService<IDbContextFactory<ResultsDb>>();
        await using var db = await databases.CreateDbContextAsync();
        return await query(db);
    }

    public async Task<T> HearAsync<T>() =>
        await Eventually.AsyncOf(() => Task.FromResult(Said.OfType<T>().FirstOrDefault()));

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    public HttpClient Client((string Key, string Hash)? tenant)
    {
        var client = new HttpClient { BaseAddress = Address(grpc: false) };
        if (tenant is { } known)
        {
            client.DefaultRequestHeaders.Add(ApiKeys.Header, known.Key);
        }
        return client;
    }
}

internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>Polls until there is a value.</summary>
    public static async Task<T> AsyncOf<T>(Func<Task<T?>> find)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (await find() is { } found)
            {
                return found;
            }
            Assert.True(
                TimeProvider.System.GetElapsedTime(started) < Deadline,
                $"no {typeof(T).Name} within {Deadline.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s"
            );
            await Task.Delay(20);
        }
    }

    /// <summary>Polls until it holds.</summary>
    public static Task Async(Func<Task<bool>> holds) =>
        AsyncOf(async () => await holds() ? "holds" : null);
}

internal sealed class Heard
{
    public bool ModelsFail { get; set; }

    public ConcurrentQueue<object> Messages { get; } = new();
}

internal sealed class Listener(Heard heard)
    : IConsumer<StudyReceived>,
        IConsumer<VolumeSegmented>,
        IConsumer<StudyAnalysed>,
        IConsumer<StudyFailed>
{
    public Task Consume(ConsumeContext<StudyReceived> context) => Hear(context.Message);

    public Task Consume(ConsumeContext<VolumeSegmented> context) => Hear(context.Message);

    public Task Consume(ConsumeContext<StudyAnalysed> context) => Hear(context.Message);

    public Task Consume(ConsumeContext<StudyFailed> context) => Hear(context.Message);

    private Task Hear(object message)
    {
        heard.Messages.Enqueue(message);
        return Task.CompletedTask;
    }
}

internal sealed class ModelListener(Heard heard) : IConsumer<SegmentVolume>
{
    public Task Consume(ConsumeContext<SegmentVolume> context)
    {
        if (heard.ModelsFail)
        {
            throw new InvalidOperationException("the model has run out of luck");
        }
        heard.Messages.Enqueue(context.Message);
        return Task.CompletedTask;
    }
}

internal sealed class SharpenerListener(Heard heard) : IConsumer<SuperResolveVolume>
{
    public Task Consume(ConsumeContext<SuperResolveVolume> context)
    {
        heard.Messages.Enqueue(context.Message);
        return Task.CompletedTask;
    }
}
