using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Hosting;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>Results by QIDO-RS and WADO-RS: under pseudonyms for everybody, under the hospital's own identifiers for its gateway.</summary>
public sealed class DicomWebTests : IAsyncLifetime
{
    private const string StudyUid = "1.2.826.0.1.4711";
    private const string SeriesUid = "1.2.826.0.1.4711.1";
    private const string SpaceUid = "1.2.826.0.1.4711.9";
    private const string Mr = "1.2.840.10008.5.1.4.1.1.4";
    private const string PatientId = "00100020";
    private static readonly (string Key, string Hash) Gateway = ApiKeys.New();

    private readonly TemporaryFolder _folder = new();
    private ResultsHost _host = null!;
    private StoredStudy _study = null!;

    public async Task InitializeAsync()
    {
        _host = await ResultsHost.StartAsync(
            _folder,
            null,
            ("Tenants:0:GatewayKeyHashes:0", Gateway.Hash)
        );
        _study = new StoredStudy(_host, studyId: Pseudonym(StudyUid));
        await _study.PlanAsync(_study.Native, _study.Sharp, _study.Derived);
        await _host.Blobs.TryCreateJsonAsync(
            BlobNames.Instances(_study.Context, StoredStudy.Series),
            new SourceSeries
            {
                StudyInstanceUid = Pseudonymous(StudyUid),
                SeriesInstanceUid = Pseudonymous(SeriesUid),
                FrameOfReferenceUid = Pseudonymous(SpaceUid),
                PatientId = "p-17",
                Modality = "MR",
                Slices =
                [
                    .. Enumerable
                        .Range(0, 6)
                        .Select(k => new SourceSlice(Mr, Pseudonymous($"{SeriesUid}.{k}"))),
                ],
            },
            default
        );
        await _host
            .Services.GetRequiredService<IdentityVault>()
            .KeepAsync("alpha", _study.Context.StudyId, Crosswalk(), default);
        await _study.SharpenAsync();
        foreach (var output in new[] { _study.Native, _study.Derived })
        {
            await _study.SegmentAsync(output);
            await _study.AssessAsync(output, Verdict.Pass, Structure(3), Structure(77));
        }
        Assert.True(await _host.Flow.TryEndAsync(_study.Context, default));
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_search_finds_every_object_by_pseudonyms()
    {
        using var client = _host.Client(ResultsHost.Alpha);
        var study = Assert.Single(await SearchAsync(client, "studies"));
        Assert.Equal(Pseudonymous(StudyUid), study.Text(0x0020_000D));
        Assert.Equal("p-17", study.Text(0x0010_0020));
        Assert.Equal(["SEG", "SR", "MR"], study.Values(0x0008_0061).Select(v => v.ToString()));
        Assert.Equal(["5", "10"], [study.Text(0x0020_1206), study.Text(0x0020_1208)]);

        var instances = await SearchAsync(client, $"studies/{Pseudonymous(StudyUid)}/instances");
        Assert.Equal(10, instances.Select(i => i.Text(0x0008_0018)).Distinct().Count());
        Assert.All(
            instances,
            i =>
                Assert.StartsWith(
                    _host.Address(false).ToString(),
                    i.Text(0x0008_1190),
                    StringComparison.Ordinal
                )
        );
        Assert.Equal(
            6,
            (await SearchAsync(client, $"studies/{StudyUid}/instances?Modality=MR")).Count
        );
        Assert.Equal(5, (await SearchAsync(client, $"studies/{StudyUid}/series")).Count);
        Assert.Equal(
            2,
            (await SearchAsync(client, $"studies/{StudyUid}/series?00080060=SEG")).Count
        );
        Assert.Single(await SearchAsync(client, $"studies?StudyInstanceUID={StudyUid}"));
        Assert.Empty(await SearchAsync(client, "studies?limit=10&offset=1"));
        Assert.Empty(await SearchAsync(client, "studies/1.2.3/instances"));
        using var wrong = await client.GetAsync("/dicom-web/studies?PatientName=Canary");
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        Assert.DoesNotContain(
            "Canary",
            await wrong.Content.ReadAsStringAsync(),
            StringComparison.Ordinal
        );
        using var other = _host.Client(ResultsHost.Beta);
        Assert.Empty(await SearchAsync(other, "studies"));
        Assert.Empty(await SearchAsync(other, $"studies/{Pseudonymous(StudyUid)}/instances"));
    }

    [Fact]
    public async Task A_whole_study_is_retrieved_in_parts_that_independent_tools_accept()
    {
        using var client = _host.Client(ResultsHost.Alpha);
        var objects = await RetrieveAsync(client, $"studies/{StudyUid}");
        Assert.Equal(10, objects.Count);
        foreach (var bytes in objects)
        {
            Assert.Equal(-1, bytes.AsSpan().IndexOf("Canary"u8));
            Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(StudyUid)));
            var file = Save(bytes);
            var (_, said) = DicomTools.Run("dciodvfy", file);
            Assert.False(said.Contains("Error", StringComparison.Ordinal), said);
            var read = DicomTools.Read(file);
            Assert.Equal(Pseudonymous(StudyUid), read.Text(0x0020_000D));
            Assert.Equal("p-17", read.Text(0x0010_0020));
        }
    }

    [Fact]
    public async Task The_gateway_gets_objects_under_the_identifiers_it_sent()
    {
        using var client = _host.Client(Gateway);
        var study = Assert.Single(await SearchAsync(client, "studies"));
        Assert.Equal(StudyUid, study.Text(0x0020_000D));
        Assert.Equal("Canary^Carla", study.Item(0x0010_0010).GetProperty("Alphabetic").GetString());
        foreach (var bytes in await RetrieveAsync(client, $"studies/{StudyUid}"))
        {
            var file = Save(bytes);
            var (_, said) = DicomTools.Run("dciodvfy", file);
            Assert.False(said.Contains("Error", StringComparison.Ordinal), said);
            var read = DicomTools.Read(file);
            Assert.Equal([StudyUid, "4711-0"], [read.Text(0x0020_000D), read.Text(0x0010_0020)]);
            Assert.Equal("19700102", read.Text(0x0010_0030));
            if (read.Text(0x0008_0060) != "SR")
            {
                Assert.Equal(SpaceUid, read.Text(0x0020_0052));
                var series = read.Item(0x0008_1115);
                Assert.Equal(SeriesUid, series.Text(0x0020_000E));
                Assert.Equal(
                    Enumerable.Range(0, 6).Select(k => $"{SeriesUid}.{k}"),
                    series.Values(0x0008_114A).Select(i => i.Text(0x0008_1155))
                );
            }
        }
    }

    [Fact]
    public async Task Every_frame_of_a_segmentation_refers_to_the_slice_it_lies_on()
    {
        using var client = _host.Client(Gateway);
        var seg = await FirstAsync(client, "SEG");
        var frames = DicomTools.Read(Save(await BareAsync(client, seg))).Values(0x5200_9230);
        // Each label is one voxel: 3 lies in the first plane as received, 77 in the fourth; there are 20 voxels a plane.
        Assert.Equal(2, frames.Count);
        Assert.Equal(
            [$"{SeriesUid}.0", $"{SeriesUid}.3"],
            frames.Select(f => f.Item(0x0008_9124).Item(0x0008_2112).Text(0x0008_1155))
        );
    }

    [Fact]
    public async Task A_super_resolved_volume_is_derived_secondary_and_says_that_it_is_not_for_diagnosis()
    {
        using var client = _host.Client(Gateway);
        using var answer = await client.GetAsync($"/dicom-web/{await FirstAsync(client, "MR")}");
        Assert.Equal("true", Assert.Single(answer.Headers.GetValues("X-Not-For-Diagnosis")));
        var read = DicomTools.Read(Save((await PartsAsync(answer))[0]));
        Assert.Equal(
            ["DERIVED", "SECONDARY"],
            read.Values(0x0008_0008).Take(2).Select(v => v.ToString())
        );
        Assert.Contains("Not for diagnosis", read.Text(0x0008_2111), StringComparison.Ordinal);
        Assert.Contains("not for diagnosis", read.Text(0x0008_103E), StringComparison.Ordinal);
        Assert.Contains("Not for diagnosis", read.Text(0x0020_4000), StringComparison.Ordinal);
        Assert.Equal($"{SeriesUid}.0", read.Item(0x0008_2112).Text(0x0008_1155));
    }

    [Fact]
    public async Task A_report_refers_to_the_segments_it_measures()
    {
        using var client = _host.Client(Gateway);
        var seg = (await FirstAsync(client, "SEG")).Split('/')[^1];
        var report = DicomTools.Read(Save(await BareAsync(client, await FirstAsync(client, "SR"))));
        var evidence = report.Item(0x0040_A375);
        Assert.Equal(StudyUid, evidence.Text(0x0020_000D));
        Assert.Equal(seg, evidence.Item(0x0008_1115).Item(0x0008_1199).Text(0x0008_1155));
        Assert.Contains(
            seg,
            Encoding.ASCII.GetString(await BareAsync(client, await FirstAsync(client, "SR"))),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Metadata_say_what_the_object_says()
    {
        using var client = _host.Client(ResultsHost.Alpha);
        foreach (var modality in new[] { "SEG", "SR", "MR" })
        {
            var path = await FirstAsync(client, modality);
            using var json = JsonDocument.Parse(
                await client.GetStringAsync($"/dicom-web/{path}/metadata")
            );
            var told = Assert.Single(json.RootElement.EnumerateArray());
            var read = DicomTools.Read(Save(await BareAsync(client, path)));
            foreach (var attribute in told.EnumerateObject())
            {
                Assert.True(
                    Same(read.GetProperty(attribute.Name), attribute.Value),
                    $"{modality} {attribute.Name}: {attribute.Value} for {read.GetProperty(attribute.Name)}"
                );
            }
        }
    }

    [Fact]
    public async Task What_is_not_there_is_not_found()
    {
        using var client = _host.Client(ResultsHost.Alpha);
        using var unknown = await client.GetAsync("/dicom-web/studies/1.2.3");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        using var instance = await client.GetAsync(
            $"/dicom-web/studies/{StudyUid}/series/1.2/instances/1.2.3"
        );
        Assert.Equal(HttpStatusCode.NotFound, instance.StatusCode);
    }

    /// <summary>Values alike, numbers as numbers; dcmtk leaves out what it need not say.</summary>
    private static bool Same(JsonElement a, JsonElement b)
    {
        if (a.ValueKind == JsonValueKind.Object && b.ValueKind == JsonValueKind.Object)
        {
            return b.EnumerateObject()
                .All(p => a.TryGetProperty(p.Name, out var other) && Same(other, p.Value));
        }
        if (a.ValueKind == JsonValueKind.Array && b.ValueKind == JsonValueKind.Array)
        {
            return a.GetArrayLength() == b.GetArrayLength()
                && a.EnumerateArray()
                    .Zip(b.EnumerateArray())
                    .All(pair => Same(pair.First, pair.Second));
        }
        return a.ValueKind == JsonValueKind.Number && b.ValueKind == JsonValueKind.Number
            ? a.GetDouble() == b.GetDouble()
            : a.ToString() == b.ToString();
    }

    private string Pseudonym(string uid) =>
        _host
            .Services.GetRequiredService<TenantDirectory>()
            .PseudonymOf("alpha", TenantDirectory.IdentityOfUid(uid));

    private string Pseudonymous(string uid) => DicomUid.FromPseudonym(Pseudonym(uid));

    private Crosswalk Crosswalk()
    {
        var crosswalk = new Crosswalk
        {
            Attributes =
            {
                ["00100010"] = "Canary^Carla",
                [PatientId] = "4711-0",
                ["00100030"] = "19700102",
                ["00080050"] = "A-1",
            },
        };
        foreach (
            var uid in Enumerable
                .Range(0, 6)
                .Select(k => $"{SeriesUid}.{k}")
                .Concat([StudyUid, SeriesUid, SpaceUid])
        )
        {
            crosswalk.Uids[Pseudonymous(uid)] = uid;
        }
        return crosswalk;
    }

    private static StructureQuality Structure(int label) =>
        new()
        {
            Label = label,
            Name = $"structure-{label}",
            VolumeMl = 1.5,
            PredictedDice = 0.9,
            Verdict = Verdict.Pass,
        };

    private static async Task<List<JsonElement>> SearchAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync($"/dicom-web/{path}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/dicom+json", answer.Content.Headers.ContentType?.MediaType);
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return [.. json.EnumerateArray()];
    }

    /// <summary>Path of the first instance of a modality.</summary>
    private static async Task<string> FirstAsync(HttpClient client, string modality)
    {
        var first = (
            await SearchAsync(client, $"studies/{StudyUid}/instances?Modality={modality}")
        )[0];
        return $"studies/{StudyUid}/series/{first.Text(0x0020_000E)}/instances/{first.Text(0x0008_0018)}";
    }

    private static async Task<byte[]> BareAsync(HttpClient client, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/dicom-web/{path}");
        request.Headers.Accept.Add(new("application/dicom"));
        using var answer = await client.SendAsync(request);
        Assert.Equal("application/dicom", answer.Content.Headers.ContentType?.MediaType);
        return await answer.Content.ReadAsByteArrayAsync();
    }

    private static async Task<List<byte[]>> RetrieveAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync($"/dicom-web/{path}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await PartsAsync(answer);
    }

    private static async Task<List<byte[]>> PartsAsync(HttpResponseMessage answer)
    {
        var type = answer.Content.Headers.ContentType!;
        Assert.Equal("multipart/related", type.MediaType);
        var boundary = type.Parameters.Single(p => p.Name == "boundary").Value!;
        var reader = new MultipartReader(boundary, await answer.Content.ReadAsStreamAsync());
        var parts = new List<byte[]>();
        while (await reader.ReadNextSectionAsync() is { } section)
        {
            Assert.Equal("application/dicom", section.ContentType);
            using var bytes = new MemoryStream();
            await section.Body.CopyToAsync(bytes);
            parts.Add(bytes.ToArray());
        }
        return parts;
    }

    private string Save(byte[] bytes)
    {
        var path = _folder[$"{Guid.NewGuid():n}.dcm"];
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
