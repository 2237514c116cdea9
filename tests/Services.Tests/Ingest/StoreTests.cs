using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Testing;

namespace Platform.Ingest.Tests;

/// <summary>STOW-RS, and when a study that comes instance by instance is complete.</summary>
public sealed class StoreTests
{
    private const string StudyUid = "1.2.826.0.1.17";

    /// <summary>A study that is only ever closed by what a test does.</summary>
    private static readonly Dictionary<string, string?> Patient = new()
    {
        ["Ingest:QuietTime"] = "01:00:00",
        ["Ingest:HardCap"] = "02:00:00",
        ["Ingest:CloseEvery"] = "00:00:00.05",
    };

    [Fact]
    public async Task Instances_are_stored_once_and_announced_when_the_study_is_closed()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        var answer = await StoreClient.StoreAsync(host, series);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(20, answer.Stored.Count);
        Assert.Contains("1.2.826.0.1.17.1.0.0.0", answer.Stored);
        Assert.Empty(answer.Failures);
        Assert.Empty(host.Messages.Of<StudyReceived>());

        var closed = await CompleteAsync(host);
        Assert.Equal(
            (1, false, false),
            (closed.Revision, closed.AlreadyReceived, closed.Completed)
        );
        var message = Assert.Single(await host.Messages.WaitAsync<StudyReceived>());
        Assert.Equal((closed.StudyId, "main"), (message.Study.StudyId, message.Study.Site));
        var manifest = await ManifestAsync(host, closed);
        Assert.Equal("dicomweb", manifest.Source);
        Assert.Equal(20, manifest.Items.Count);
        Assert.Single(manifest.Items.Select(item => item.SeriesKey).Distinct());
        foreach (var item in manifest.Items)
        {
            Assert.True(
                await host.Blobs.ExistsAsync(BlobNames.Received(closed.Study, item.Name), default)
            );
        }
        Assert.Empty(await host.BlobNamesAsync(BlobNames.GatheringPrefix(IntakeHost.Tenant)));
    }

    [Fact]
    public async Task Site_and_priority_come_in_headers()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        await StoreClient.StoreAsync(
            host,
            Scans.DicomHead(),
            headers: [("x-site", "annex"), ("x-priority", "stat")]
        );
        await CompleteAsync(host);
        var message = Assert.Single(await host.Messages.WaitAsync<StudyReceived>());
        Assert.Equal(("annex", StudyPriority.Stat), (message.Study.Site, message.Study.Priority));
        var wrong = await StoreClient.StoreAsync(
            host,
            Scans.DicomHead(),
            headers: [("x-site", "moon")]
        );
        Assert.Equal(HttpStatusCode.BadRequest, wrong.Status);
    }

    [Fact]
    public async Task A_study_is_complete_when_nothing_came_for_a_while()
    {
        await using var host = await IntakeHost.StartAsync(
            new(Patient) { ["Ingest:QuietTime"] = "00:00:00.3" }
        );
        await StoreClient.StoreAsync(host, Scans.DicomHead());
        await host.Messages.WaitAsync<StudyReceived>();
    }

    [Fact]
    public async Task A_study_is_complete_at_the_hard_cap_of_its_tenant()
    {
        await using var host = await IntakeHost.StartAsync(
            new(Patient)
            {
                ["Ingest:Tenants:0:Name"] = IntakeHost.Tenant,
                ["Ingest:Tenants:0:HardCap"] = "00:00:00.3",
            }
        );
        await StoreClient.StoreAsync(host, Scans.DicomHead());
        await host.Messages.WaitAsync<StudyReceived>();
    }

    [Fact]
    public async Task A_study_is_complete_when_the_declared_number_is_there()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        await StoreClient.StoreAsync(host, series[..5]);
        using var early = await host.Client.PostAsync(
            $"/dicom-web/studies/{StudyUid}/complete?instances=20",
            null
        );
        Assert.Equal(HttpStatusCode.Accepted, early.StatusCode);
        var waiting = await early.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(5, waiting.GetProperty("received").GetInt32());
        await StoreClient.StoreAsync(host, series[5..19]);
        Assert.Empty(host.Messages.Of<StudyReceived>());
        await StoreClient.StoreAsync(host, series[19..]);
        await host.Messages.WaitAsync<StudyReceived>();
    }

    [Fact]
    public async Task Late_instances_make_a_revision_that_lists_all()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        await StoreClient.StoreAsync(host, series[..12]);
        var first = await CompleteAsync(host);
        await StoreClient.StoreAsync(host, series[12..]);
        var second = await CompleteAsync(host);
        Assert.Equal(first with { Revision = 2 }, second);
        Assert.Equal(12, (await ManifestAsync(host, first)).Items.Count);
        Assert.Equal(20, (await ManifestAsync(host, second)).Items.Count);
        Assert.Equal(20, (await StoredNamesAsync(host)).Length);
    }

    [Fact]
    public async Task A_study_sent_twice_is_one_study_with_each_instance_once()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        await StoreClient.StoreAsync(host, series);
        var first = await CompleteAsync(host);
        var before = await host.BlobNamesAsync();
        var again = await StoreClient.StoreAsync(host, [.. series.Reverse()]);
        Assert.Equal((HttpStatusCode.OK, 20), (again.Status, again.Stored.Count));
        Assert.Equal(first with { AlreadyReceived = true }, await CompleteAsync(host));
        Assert.Equal(before, await host.BlobNamesAsync());
    }

    [Fact]
    public async Task Two_senders_at_once_end_as_one_study_with_each_instance_once()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        using var other = host.ClientOf(IntakeHost.Key);
        var answers = await Task.WhenAll(
            StoreClient.StoreAsync(host, series[..14]),
            StoreClient.StoreAsync(host, [.. series[6..].Reverse()], client: other)
        );
        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        var closed = await CompleteAsync(host);
        Assert.Equal(1, closed.Revision);
        Assert.Equal(20, (await ManifestAsync(host, closed)).Items.Count);
        Assert.Equal(20, (await StoredNamesAsync(host)).Length);
    }

    [Fact]
    public async Task A_study_that_breaks_off_half_way_is_whole_when_it_is_sent_again()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        using (var body = StoreClient.Body(series))
        {
            var bytes = await body.ReadAsByteArrayAsync();
            using var socket = new TcpClient();
            await socket.ConnectAsync(host.Address.Host, host.Address.Port);
            var head =
                $"POST /dicom-web/studies HTTP/1.1\r\nHost: test\r\nx-api-key: {IntakeHost.Key}\r\nContent-Type: {body.Headers.ContentType}\r\nContent-Length: {bytes.Length}\r\n\r\n";
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head));
            await socket.GetStream().WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            await WaitForAsync(async () => (await StoredNamesAsync(host)).Length >= 5);
        }
        await WaitForAsync(async () => (await host.BlobNamesAsync(VaultPrefix)).Length == 1);
        var answer = await StoreClient.StoreAsync(host, series);
        Assert.Equal((HttpStatusCode.OK, 20), (answer.Status, answer.Stored.Count));
        var closed = await CompleteAsync(host);
        Assert.Equal(1, closed.Revision);
        Assert.Equal(20, (await ManifestAsync(host, closed)).Items.Count);
    }

    [Fact]
    public async Task Each_instance_has_its_own_answer()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        var strange = new DicomSliceFile { StudyInstanceUid = "9.9", SopInstanceUid = "9.9.9" };
        var answer = await StoreClient.StoreAsync(
            host,
            [series[0], series[1][..600], "not DICOM at all"u8.ToArray(), strange.ToBytes()],
            $"/{StudyUid}"
        );
        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal(["1.2.826.0.1.17.1.0.0.0"], answer.Stored);
        Assert.Equal([("9.9.9", 0xA901)], answer.Failures.Where(f => f.Uid is not null));
        Assert.Equal(
            [0xC000, 0xC000],
            answer.Failures.Where(f => f.Uid is null).Select(f => f.Reason)
        );

        var changed = Scans.DicomHead(seed: 1)[0];
        changed[^1] ^= 1;
        var conflict = await StoreClient.StoreAsync(host, [changed]);
        Assert.Equal(HttpStatusCode.Conflict, conflict.Status);
        Assert.Equal([("1.2.826.0.1.17.1.0.0.0", 0xB00E)], conflict.Failures);
        Assert.Single(await StoredNamesAsync(host));
    }

    [Fact]
    public async Task Defects_of_real_senders_are_put_right_and_named()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        DicomSliceFile Slice(string uid, uint tag, string vr, string text) =>
            new()
            {
                StudyInstanceUid = StudyUid,
                SopInstanceUid = uid,
                ManufacturerModelName = "Model",
                Elements = [(tag, vr, DicomSliceFile.Words(text))],
            };
        var answer = await StoreClient.StoreAsync(
            host,
            [
                Slice("1.1", 0x0008_0060, "CS", "MR").ToBytes(),
                Slice("1.2", 0x0008_0018, "UI", "9.9").ToBytes(),
                Slice("1.3", 0x0010_0040, "LO", "F").ToBytes(),
                Slice("1.4", 0x0010_0040, "CS", "F").ToBytes(),
            ]
        );
        Assert.Equal(HttpStatusCode.Accepted, answer.Status);
        Assert.Equal(["1.1", "1.2", "1.3", "1.4"], answer.Stored);
        Assert.Equal([("1.1", 0xB007), ("1.2", 0xB006), ("1.3", 0xB007)], answer.Warnings);
        Assert.Equal(4, (await StoredNamesAsync(host)).Length);
    }

    [Fact]
    public async Task A_store_or_disk_that_takes_nothing_is_answered_with_503_and_when_to_try_again()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        await File.WriteAllTextAsync(host.Folder[IntakeHost.Tenant], "in the way");
        var refused = await StoreClient.StoreAsync(host, Scans.DicomHead());
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(10)),
            (refused.Status, refused.RetryAfter)
        );
        File.Delete(host.Folder[IntakeHost.Tenant]);
        Assert.Equal(
            HttpStatusCode.OK,
            (await StoreClient.StoreAsync(host, Scans.DicomHead())).Status
        );

        await using var full = await IntakeHost.StartAsync(
            new(Patient) { ["Ingest:MinFreeBytes"] = $"{long.MaxValue}" }
        );
        var short_ = await StoreClient.StoreAsync(full, Scans.DicomHead());
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(10)),
            (short_.Status, short_.RetryAfter)
        );
        Assert.Empty(await full.BlobNamesAsync());
    }

    [Fact]
    public async Task What_is_no_store_request_is_refused_with_what_to_do()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        using var form = IntakeHost.Form([Scans.Head()]);
        using var wrong = await host.Client.PostAsync("/dicom-web/studies", form);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, wrong.StatusCode);
        Assert.Contains(
            "multipart/related",
            await wrong.Content.ReadAsStringAsync(),
            StringComparison.Ordinal
        );
        using var stranger = host.ClientOf(null);
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await StoreClient.StoreAsync(host, Scans.DicomHead(), client: stranger)).Status
        );
        using var unknown = await host.Client.PostAsync("/dicom-web/studies/1.2.3/complete", null);
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task The_vault_knows_whose_the_pseudonyms_are_and_tells_the_tenant_alone()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        await StoreClient.StoreAsync(host, Scans.DicomHead(patientName: "Canary^Carla"));
        var closed = await CompleteAsync(host);
        var vault = host.Service<IdentityVault>();
        var crosswalk = await vault.FindAsync(IntakeHost.Tenant, closed.StudyId, default);
        Assert.Contains(StudyUid, crosswalk!.Uids.Values);
        Assert.Contains("1.2.826.0.1.17.1.0.0.7", crosswalk.Uids.Values);
        var part = Assert.Single(await host.BlobNamesAsync(VaultPrefix));
        var bytes = await File.ReadAllBytesAsync(host.Folder[part]);
        Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(StudyUid)));
        Assert.Equal(-1, bytes.AsSpan().IndexOf("Canary"u8));
        Assert.Null(await vault.FindAsync(IntakeHost.OtherTenant, closed.StudyId, default));
        // Another tenant's key does not open it, nor does another study's place.
        var stolen = BlobNames.Identity(IntakeHost.OtherTenant, closed.StudyId, "part");
        await host.Blobs.TryCreateAsync(
            stolen,
            async (s, token) => await s.WriteAsync(bytes, token),
            default
        );
        await Assert.ThrowsAnyAsync<System.Security.Cryptography.CryptographicException>(() =>
            vault.FindAsync(IntakeHost.OtherTenant, closed.StudyId, default)
        );
    }

    [Fact]
    public async Task What_may_show_a_face_or_a_name_is_held_until_somebody_has_looked()
    {
        await using var host = await IntakeHost.StartAsync(Patient);
        var series = Scans.DicomHead();
        var shot = new DicomSliceFile
        {
            SopClassUid = "1.2.840.10008.5.1.4.1.1.7",
            StudyInstanceUid = StudyUid,
            SeriesInstanceUid = $"{StudyUid}.9",
            SopInstanceUid = $"{StudyUid}.9.1",
        }.ToBytes();
        var answer = await StoreClient.StoreAsync(host, [.. series, shot]);
        Assert.Equal((HttpStatusCode.Accepted, 21), (answer.Status, answer.Stored.Count));
        Assert.Equal([($"{StudyUid}.9.1", 0xB007)], answer.Warnings);
        Assert.Equal(20, (await StoredNamesAsync(host)).Length);
        var first = await CompleteAsync(host);
        var held = Assert.Single(
            (await ManifestAsync(host, first)).Items,
            item => item.Refusal is not null
        );
        Assert.Equal(RejectionReason.BurnedInAnnotation, held.Refusal!.Reason);
        var address = $"/api/held/{first.StudyId}";
        Assert.Contains("1", await host.Client.GetStringAsync(address), StringComparison.Ordinal);
        using (var stranger = host.ClientOf(IntakeHost.OtherKey))
        {
            using var hidden = await stranger.PostAsync($"{address}/release", null);
            Assert.Contains(
                "0",
                await hidden.Content.ReadAsStringAsync(),
                StringComparison.Ordinal
            );
        }
        using var released = await host.Client.PostAsync($"{address}/release", null);
        Assert.Equal(HttpStatusCode.OK, released.StatusCode);
        var manifest = await ManifestAsync(host, first with { Revision = 2 });
        Assert.Equal(21, manifest.Items.Count(item => item.Refusal is null));
        Assert.Empty(
            await host.BlobNamesAsync(BlobNames.HeldPrefix(IntakeHost.Tenant, first.StudyId))
        );
        await host.Messages.WaitAsync<StudyReceived>(2);
    }

    private static string VaultPrefix => $"{IntakeHost.Tenant}/vault/";

    private static async Task<string[]> StoredNamesAsync(IntakeHost host) =>
        [
            .. (await host.BlobNamesAsync()).Where(name =>
                name.Contains("/input/", StringComparison.Ordinal)
            ),
        ];

    private static Task<StudyManifest> ManifestAsync(
        IntakeHost host,
        IntakeHost.Submitted closed
    ) => host.Blobs.ReadJsonAsync<StudyManifest>(BlobNames.Manifest(closed.Study), default);

    private static async Task<IntakeHost.Submitted> CompleteAsync(IntakeHost host)
    {
        using var response = await host.Client.PostAsync(
            $"/dicom-web/studies/{StudyUid}/complete",
            null
        );
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return JsonSerializer.Deserialize<IntakeHost.Submitted>(text, PlatformJson.Options)!;
    }

    private static async Task WaitForAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!await condition())
        {
            await Task.Delay(20, patience.Token);
        }
    }
}
