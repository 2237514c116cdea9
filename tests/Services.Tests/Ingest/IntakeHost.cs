using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Preprocessing;
using Platform.Testing;

namespace Platform.Ingest.Tests;

/// <summary>ingest and, where wanted, preprocessing as their Programs make them, on free ports, with everything they say recorded.</summary>
internal sealed class IntakeHost : IAsyncDisposable
{
    public const string Tenant = "north-hospital";
    public const string OtherTenant = "south-hospital";
    public const string Key = "a-key-of-the-north";
    public const string OtherKey = "a-key-of-the-south";

    private readonly WebApplication _app;

    private IntakeHost(WebApplication app, MessageLog messages, TextLog log, TemporaryFolder folder)
    {
        (_app, Messages, Log, Folder) = (app, messages, log, folder);
        var addresses = app
            .Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!
            .Addresses.ToArray();
        (Address, GrpcAddress) = (new Uri(addresses[0]), new Uri(addresses[1]));
        Client = ClientOf(Key);
    }

    public TemporaryFolder Folder { get; }
    public MessageLog Messages { get; }
    public TextLog Log { get; }
    public Uri Address { get; }
    public Uri GrpcAddress { get; }
    public HttpClient Client { get; }
    public IBlobStore Blobs => Service<IBlobStore>();

    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Starts a host with its own blob folder.</summary>
    /// <param name="settings">On top of two tenants and the folder.</param>
    /// <param name="preprocessing">Whether studies are prepared too, and by which models' queues commands are taken.</param>
    /// <param name="install">Puts packages into the blob folder.</param>
    public static async Task<IntakeHost> StartAsync(
        Dictionary<string, string?>? settings = null,
        string[]? preprocessing = null,
        Action<TemporaryFolder>? install = null
    )
    {
        var folder = new TemporaryFolder();
        install?.Invoke(folder);
        var messages = new MessageLog();
        var log = new TextLog();
        var builder = PlatformHost.CreateBuilder([], "test");
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?>
            {
                ["Http:Port"] = "0",
                ["Http:GrpcPort"] = "0",
                ["Blobs:Path"] = folder.Path,
                ["Bus:RetryMinSeconds"] = "0.05",
                ["Bus:Retries"] = "3",
                ["Tenants:0:Name"] = Tenant,
                ["Tenants:0:Sites:0"] = "main",
                ["Tenants:0:Sites:1"] = "annex",
                ["Tenants:0:KeyHashes:0"] = ApiKeys.HashOf(Key),
                ["Tenants:0:StudySecret"] = Convert.ToBase64String(new byte[16]),
                ["Tenants:1:Name"] = OtherTenant,
                ["Tenants:1:KeyHashes:0"] = ApiKeys.HashOf(OtherKey),
                ["Tenants:1:StudySecret"] = Convert.ToBase64String(new byte[32]),
            }
        );
        builder.Configuration.AddInMemoryCollection(settings ?? []);
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(LogLevel.Debug);
        builder.Logging.AddProvider(log);
        builder.Services.AddSingleton(messages);
        builder.AddIngest();
        if (preprocessing is not null)
        {
            builder.AddPreprocessing();
        }
        builder.AddBus(bus =>
        {
            bus.AddConsumer<EventRecorder>();
            if (preprocessing is not null)
            {
                PreprocessingService.AddConsumers(bus);
                bus.AddModelConsumer<CommandRecorder>(
                    (_, _) => Task.FromResult<IReadOnlyList<string>>(preprocessing)
                );
            }
        });
        var app = builder.Build();
        app.MapPlatform();
        app.MapIngest();
        app.MapGrpcService<StudyIntakeGrpcService>();
        await app.StartAsync();
        return new IntakeHost(app, messages, log, folder);
    }

    public HttpClient ClientOf(string? key)
    {
        var client = new HttpClient { BaseAddress = Address };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Add(ApiKeys.Header, key);
        }
        return client;
    }

    /// <summary>A form with files named as senders might name them, and fields as "name=value".</summary>
    public static MultipartFormDataContent Form(byte[][] files, params string[] fields)
    {
        var form = new MultipartFormDataContent();
        foreach (var field in fields)
        {
            var parts = field.Split('=', 2);
            form.Add(new StringContent(parts[1]), parts[0]);
        }
        foreach (var (n, file) in files.Index())
        {
            form.Add(new ByteArrayContent(file), "file", $"scan{n}.nii.gz");
        }
        return form;
    }

    public Task<HttpResponseMessage> PostAsync(byte[][] files, params string[] fields) =>
        Client.PostAsync("/api/studies", Form(files, fields));

    public async Task<Submitted> SubmitAsync(byte[][] files, params string[] fields)
    {
        using var response = await PostAsync(files, fields);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == System.Net.HttpStatusCode.Accepted, text);
        return JsonSerializer.Deserialize<Submitted>(text, PlatformJson.Options)!;
    }

    public async Task<string[]> BlobNamesAsync(string prefix = Tenant + "/")
    {
        var names = new List<string>();
        await foreach (var blob in Blobs.ListAsync(prefix, default))
        {
            names.Add(blob.Name);
        }
        return [.. names];
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        Folder.Dispose();
    }

    /// <summary>What POST /api/studies answers.</summary>
    internal sealed record Submitted(
        string StudyId,
        int Revision,
        bool AlreadyReceived,
        bool Completed
    )
    {
        public StudyContext Study =>
            new()
            {
                Tenant = Tenant,
                StudyId = StudyId,
                Revision = Revision,
                CorrelationId = default,
            };
    }

    private sealed class EventRecorder(MessageLog log)
        : IConsumer<StudyReceived>,
            IConsumer<StudyRejected>
    {
        public Task Consume(ConsumeContext<StudyReceived> context) => log.Add(context.Message);

        public Task Consume(ConsumeContext<StudyRejected> context) => log.Add(context.Message);
    }

    private sealed class CommandRecorder(MessageLog log)
        : IConsumer<SegmentVolume>,
            IConsumer<SuperResolveVolume>
    {
        public Task Consume(ConsumeContext<SegmentVolume> context) => log.Add(context.Message);

        public Task Consume(ConsumeContext<SuperResolveVolume> context) => log.Add(context.Message);
    }
}

/// <summary>Every message the recorders saw.</summary>
internal sealed class MessageLog
{
    private readonly ConcurrentQueue<object> _messages = new();

    public Task Add(object message)
    {
        _messages.Enqueue(message);
        return Task.CompletedTask;
    }

    public T[] Of<T>() => [.. _messages.OfType<T>()];

    /// <summary>Waits until at least <paramref name="count"/> such messages came.</summary>
    public async Task<T[]> WaitAsync<T>(int count = 1, Func<T, bool>? where = null)
    {
        var started = Stopwatch.StartNew();
        while (true)
        {
            var found = Of<T>().Where(message => where?.Invoke(message) ?? true).ToArray();
            if (found.Length >= count)
            {
                return found;
            }
            Assert.True(
                started.Elapsed < TimeSpan.FromSeconds(20),
                $"{found.Length} of {count} {typeof(T).Name} after 20 s; seen: {Json()}"
            );
            await Task.Delay(10);
        }
    }

    public string Json() =>
        string.Join(
            '\n',
            _messages.Select(message =>
                message.GetType().Name + JsonSerializer.Serialize(message, PlatformJson.Options)
            )
        );
}

/// <summary>Every line logged, exceptions included.</summary>
internal sealed class TextLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    public string Text => string.Join('\n', _lines);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull
    {
        _lines.Enqueue($"{state}");
        return null;
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    ) => _lines.Enqueue($"{logLevel} {formatter(state, exception)} {exception}");

    public void Dispose() { }
}
