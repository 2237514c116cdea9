using System.Net;
using Grpc.Health.V1;
using Grpc.Net.Client;
using MassTransit;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Testing;

namespace Platform.Hosting.Tests;

public sealed class HostTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Health_answers_over_http_and_grpc_and_metrics_count_messages_without_identifiers()
    {
        await using var host = await TestHost.StartAsync(
            new() { ["Blobs:Path"] = _folder["blobs"] },
            bus => bus.AddConsumer<Quick>()
        );
        using var http = new HttpClient { BaseAddress = new(host.Urls.First()) };
        foreach (var probe in new[] { "live", "ready", "startup" })
        {
            using var answer = await http.GetAsync(new Uri($"/health/{probe}", UriKind.Relative));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        using var channel = GrpcChannel.ForAddress(host.Urls.Last());
        var health = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest());
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);

        var study = TestStudy.New();
        await host.Services.GetRequiredService<IBus>().Publish(new StudyReceived { Study = study });
        const string expected =
            "platform_messages_total{message=\"StudyReceived\",outcome=\"success\"}";
        var deadline = DateTime.UtcNow.AddSeconds(20);
        string metrics;
        do
        {
            metrics = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        } while (
            !metrics.Contains(expected, StringComparison.Ordinal) && DateTime.UtcNow < deadline
        );
        Assert.Contains(expected, metrics, StringComparison.Ordinal);
        Assert.Contains("platform_message_duration_seconds", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(study.StudyId, metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(study.Tenant, metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Work_in_flight_is_finished_when_the_host_is_stopped()
    {
        Slow.Reset();
        var host = await TestHost.StartAsync(
            new() { ["Blobs:Path"] = _folder["blobs"] },
            bus => bus.AddConsumer<Slow>()
        );
        await host
            .Services.GetRequiredService<IBus>()
            .Publish(new StudyReceived { Study = TestStudy.New() });
        await Slow.Began.Task.WaitAsync(TimeSpan.FromSeconds(20));
        var stopping = host.StopAsync();
        await Task.Delay(300);
        Assert.False(stopping.IsCompleted);
        Slow.Release.SetResult();
        await stopping.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True(Slow.Finished);
        await host.DisposeAsync();
    }

    [Fact]
    public async Task Packages_are_installed_before_the_host_serves_and_never_replaced()
    {
        var model = _folder["packages/models/brain/1.0.0"];
        Directory.CreateDirectory(model);
        await File.WriteAllTextAsync(Path.Combine(model, "model.json"), "{}");
        await File.WriteAllTextAsync(_folder["packages/models/README.md"], "not a package");
        var settings = new Dictionary<string, string?>
        {
            ["Blobs:Path"] = _folder["blobs"],
            ["Packages:Path"] = _folder["packages"],
        };
        for (var start = 0; start < 2; start++)
        {
            await using var host = await TestHost.StartAsync(settings);
            var blobs = host.Services.GetRequiredService<IBlobStore>();
            Assert.True(
                await blobs.ExistsAsync(BlobNames.Model("brain", "1.0.0", "model.json"), default)
            );
            Assert.False(await blobs.ExistsAsync("models/README.md", default));
        }
        await File.WriteAllTextAsync(Path.Combine(model, "model.json"), "{ }");
        var error = await Assert.ThrowsAsync<InvalidDataException>(() =>
            TestHost.StartAsync(settings)
        );
        Assert.Contains("models/brain/1.0.0/model.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stored_volume_reads_back_and_tells_the_digest_of_its_bytes()
    {
        var blobs = new FolderBlobStore(_folder["blobs"]);
        var volumes = new VolumeStore(blobs);
        var volume = new Volume<float>(VolumeGeometry.Ras((7, 5, 3), (1, 1.5, 4)));
        for (var n = 0; n < volume.Voxels.Length; n++)
        {
            volume.Voxels[n] = n * 0.25f;
        }
        var stored = await volumes.TryCreateAsync("tenant/volumes/s1.nii.zst", volume, default);
        Assert.True(stored.Created);
        await using (var bytes = await blobs.OpenReadAsync("tenant/volumes/s1.nii.zst", default))
        {
            var digest = await System.Security.Cryptography.SHA256.HashDataAsync(bytes);
            Assert.Equal(Convert.ToHexStringLower(digest), stored.Sha256);
        }
        var again = await volumes.TryCreateAsync(
            "tenant/volumes/s1.nii.zst",
            new Volume<float>(volume.Geometry),
            default
        );
        Assert.Equal(new StoredVolume(false, stored.Sha256), again);
        var back = await volumes.ReadImageAsync("tenant/volumes/s1.nii.zst", default);
        Assert.Equal(volume.Voxels, back.Voxels);
        Assert.True(volume.Geometry.IsCloseTo(back.Geometry));
    }

    public void Dispose() => _folder.Dispose();

    internal sealed class Quick : IConsumer<StudyReceived>
    {
        public Task Consume(ConsumeContext<StudyReceived> context) => Task.CompletedTask;
    }

    internal sealed class Slow : IConsumer<StudyReceived>
    {
        public static TaskCompletionSource Began { get; private set; } = new();

        public static TaskCompletionSource Release { get; private set; } = new();

        public static bool Finished { get; private set; }

        public static void Reset() => (Began, Release, Finished) = (new(), new(), false);

        public async Task Consume(ConsumeContext<StudyReceived> context)
        {
            Began.SetResult();
            await Release.Task.WaitAsync(context.CancellationToken);
            Finished = true;
        }
    }
}
