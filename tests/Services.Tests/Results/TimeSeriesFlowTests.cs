using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;
using Platform.Ingest;
using Platform.Preprocessing;
using Platform.Qc;
using Platform.Results;
using Platform.Segmentation;
using Platform.Serving;
using Platform.SuperResolution;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>A cine from the front door to its results, every stage in one process as standalone has them.</summary>
public sealed class TimeSeriesFlowTests : IAsyncLifetime
{
    private const int Frames = 3;
    private const int Slices = 12;
    private const int Edge = 32;
    private const string Key = "a-key-of-the-north";
    private const string Output = "outputs/tiny@1.0.0/s1";

    private readonly TemporaryFolder _folder = new();
    private WebApplication _app = null!;
    private HttpClient _client = null!;

    public async Task InitializeAsync()
    {
        const string TimeSeries = """{ "maxFrames": 40 }""";
        TinyPackage.Segmentation(_folder["packages"], routing: TimeSeries);
        TinyPackage.SuperResolution(_folder["packages"], maxFrames: 40, error: 0.5f);
        var builder = PlatformHost.CreateBuilder([], "test");
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?>
            {
                ["Http:Port"] = "0",
                ["Http:GrpcPort"] = "0",
                ["Blobs:Path"] = _folder["blobs"],
                ["Packages:Path"] = _folder["packages"],
                ["Results:ConnectionString"] = $"Data Source={_folder["results.db"]};Pooling=False",
                ["Results:PollEvery"] = "00:00:00.100",
                ["Bus:Retries"] = "0",
                ["Tenants:0:Name"] = "north-hospital",
                ["Tenants:0:KeyHashes:0"] = ApiKeys.HashOf(Key),
                ["Tenants:0:StudySecret"] = Convert.ToBase64String(new byte[16]),
            }
        );
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.AddIngest();
        builder.AddPreprocessing();
        builder.AddSegmentation();
        builder.AddSuperResolution();
        builder.AddQc();
        builder.AddResults();
        builder.AddBus(bus =>
        {
            PreprocessingService.AddConsumers(bus);
            SegmentationService.AddConsumers(bus);
            SuperResolutionService.AddConsumers(bus);
            QcService.AddConsumers(bus);
            ResultsService.AddConsumers(bus);
        });
        _app = builder.Build();
        _app.MapPlatform();
        _app.MapIngest();
        _app.MapResults();
        await _app.StartAsync();
        var addresses = _app
            .Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!;
        _client = new() { BaseAddress = new(addresses.Addresses.First()) };
        _client.DefaultRequestHeaders.Add(ApiKeys.Header, Key);
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_cine_is_segmented_assessed_and_sent_back_frame_by_frame()
    {
        // The phases come in another order than they were taken.
        byte[][] files = [.. new[] { 2, 0, 1 }.SelectMany(Phase)];
        var (study, report) = await AnalyseAsync(files);

        var series = Assert.Single(report.Series);
        Assert.Equal((Frames, Slices), (series.Frames, series.Shape[2]));
        Assert.Equal(
            [("s1", false), ("s1", true), ("s1-sr", true)],
            report.Outputs.Select(o => (o.Plan.Series, o.Plan.NotForDiagnosis))
        );
        var bright = Assert.Single(report.Outputs[0].Quality!.Structures);
        var moments = bright.Frames!;
        Assert.Equal([20.0, 60, 100], moments.Select(frame => frame.TimeMs!.Value));
        double[] volumes = [.. moments.Select(frame => frame.VolumeMl)];
        Assert.Equal(volumes.Order(), volumes);
        Assert.Equal(Frames, volumes.Distinct().Count());

        var labels = await LabelsAsync(study);
        Assert.Equal(volumes, labels.Select(frame => LabelMeasures.Millilitres(frame)[1]), Close);

        await AssertSegmentationAsync(study, labels);
        var quality = await SaveAsync(study, $"{Output}/quality.dcm");
        var (code, text) = DicomTools.Run("dsrdump", quality);
        Assert.True(code == 0, text);
        // dsrdump breaks lines as it likes.
        var unbroken = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
        Assert.Contains("frame3of3,100ms", unbroken, StringComparison.Ordinal);
        using var preview = await _client.GetAsync(Path(study, "preview.png"));
        Assert.Equal("image/png", preview.Content.Headers.ContentType?.MediaType);

        await AssertSuperResolvedAsync(study);
    }

    [Fact]
    public async Task A_4d_file_that_ends_in_its_second_frame_is_rejected_with_the_frame()
    {
        var whole = Platform.Ingest.Tests.Scans.TimeSeries(3, (Edge, Edge, Slices), (2, 2, 8));
        var cut = Platform.Ingest.Tests.Scans.Gzip(whole[..(whole.Length / 2)]);
        var (_, report) = await AnalyseAsync([cut]);
        Assert.Equal(
            (StudyOutcome.Rejected, RejectionReason.CorruptData),
            (report.Outcome, report.Reason)
        );
        Assert.Contains("frame 2 of 3", report.Detail, StringComparison.Ordinal);
    }

    /// <summary>Every frame lies where the labels of its time do, and refers to a slice of that time.</summary>
    private async Task AssertSegmentationAsync(string study, IReadOnlyList<Volume<byte>> labels)
    {
        var file = await SaveAsync(study, $"{Output}/segmentation.dcm");
        var (code, said) = DicomTools.Run("dciodvfy", file);
        Assert.True(code == 0, said);
        Assert.DoesNotContain("Error", said, StringComparison.Ordinal);
        var image = DicomTools.Read(file);
        foreach (var (n, frame) in labels.Index())
        {
            Assert.Equal(
                frame.Voxels,
                SegmentationReader.ReadBack(image, frame.Geometry, n + 1, [1]).Voxels
            );
        }
        var blobs = _app.Services.GetRequiredService<IBlobStore>();
        var origin = await blobs.ReadJsonAsync<SourceSeries>(
            $"north-hospital/studies/{study}/r1/volumes/s1.instances.json",
            default
        );
        var times = origin
            .Slices.Index()
            .ToDictionary(slice => slice.Item.SopInstanceUid, slice => slice.Index / Slices + 1);
        Assert.Equal(Frames * Slices, times.Count);
        Assert.All(
            image.Values(SegmentationReader.PerFrame),
            frame =>
                Assert.Equal(
                    SegmentationReader.Time(frame),
                    times[frame.Item(0x0008_9124).Item(0x0008_2112).Text(0x0008_1155)]
                )
        );
    }

    /// <summary>A series of images, of which each says at which time it was taken.</summary>
    private async Task AssertSuperResolvedAsync(string study)
    {
        var blobs = _app.Services.GetRequiredService<IBlobStore>();
        var origin = await blobs.ReadJsonAsync<SourceSeries>(
            $"north-hospital/studies/{study}/r1/volumes/s1.instances.json",
            default
        );
        var uid = origin.StudyInstanceUid;
        using var found = JsonDocument.Parse(
            await _client.GetStringAsync($"/dicom-web/studies/{uid}/series?Modality=MR")
        );
        var series = Assert.Single(found.RootElement.EnumerateArray()).Text(0x0020_000E);
        using var metadata = JsonDocument.Parse(
            await _client.GetStringAsync($"/dicom-web/studies/{uid}/series/{series}/metadata")
        );
        var images = metadata.RootElement.EnumerateArray().ToList();
        Assert.Equal(
            Enumerable.Range(1, Frames * 4 * Slices).Select(n => (double)n),
            images.Select(image => image.Numbers(0x0020_0013)[0])
        );
        Assert.Equal(
            Enumerable.Range(1, Frames).SelectMany(n => Enumerable.Repeat((double)n, 4 * Slices)),
            images.Select(image => image.Numbers(0x0020_0100)[0])
        );
        Assert.Equal(
            origin.Slices[^1].SopInstanceUid,
            images[^1].Item(0x0008_2112).Text(0x0008_1155)
        );
        using var uncertainty = await _client.GetAsync(
            Path(study, "outputs/tiny-sr@1.0.0/s1/uncertainty.nii.gz")
        );
        Assert.Equal(HttpStatusCode.OK, uncertainty.StatusCode);
        Assert.Equal("true", Assert.Single(uncertainty.Headers.GetValues("X-Not-For-Diagnosis")));
        using var reader = new NiftiFrameReader<float>(
            await uncertainty.Content.ReadAsStreamAsync()
        );
        for (var frame = 0; frame < Frames; frame++)
        {
            Assert.True(reader.Read()!.Voxels.Max() > 0);
        }
        Assert.Null(reader.Read());
        using var none = await _client.GetAsync(Path(study, $"{Output}/uncertainty.nii.gz"));
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    private async Task<(string Study, StudyReport Report)> AnalyseAsync(byte[][] files)
    {
        using var form = Platform.Ingest.Tests.IntakeHost.Form(files);
        using var accepted = await _client.PostAsync("/api/studies", form);
        using var answer = JsonDocument.Parse(await accepted.Content.ReadAsStringAsync());
        var study = answer.RootElement.GetProperty("studyId").GetString()!;
        var report = await Eventually.AsyncOf(async () =>
        {
            using var asked = await _client.GetAsync(Path(study, "report"));
            return asked.StatusCode == HttpStatusCode.OK
                ? JsonSerializer.Deserialize<StudyReport>(
                    await asked.Content.ReadAsStringAsync(),
                    PlatformJson.Options
                )
                : null;
        });
        return (study, report);
    }

    private async Task<List<Volume<byte>>> LabelsAsync(string study)
    {
        await using var stream = await _client.GetStreamAsync(
            Path(study, $"{Output}/labels.nii.gz")
        );
        using var reader = new NiftiFrameReader<byte>(stream);
        Assert.Equal(40, reader.Header.FrameIntervalMs!.Value, 1e-3);
        var labels = new List<Volume<byte>>();
        while (reader.Read() is { } frame)
        {
            labels.Add(frame);
        }
        return labels;
    }

    private async Task<string> SaveAsync(string study, string what)
    {
        var file = _folder[$"{Guid.NewGuid():n}.dcm"];
        await File.WriteAllBytesAsync(file, await _client.GetByteArrayAsync(Path(study, what)));
        return file;
    }

    private static string Path(string study, string what) => $"/api/studies/{study}/{what}";

    private static bool Close(double expected, double actual) =>
        Math.Abs(expected - actual) < 1e-6 * expected;

    /// <summary>A dim block, bright from a column on that moves from phase to phase.</summary>
    private static IEnumerable<byte[]> Phase(int phase) =>
        Enumerable
            .Range(0, Slices)
            .Select(k =>
                new DicomSliceFile
                {
                    StudyInstanceUid = "1.2.826.0.1.18",
                    SeriesInstanceUid = "1.2.826.0.1.18.1",
                    SopInstanceUid = $"1.2.826.0.1.18.1.{phase}.{k}",
                    Rows = Edge,
                    Columns = Edge,
                    PixelSpacing = "2\\2",
                    Position = [0, 0, 8 * k],
                    Elements = [(0x0018_1060, "DS", DicomSliceFile.Words($"{20 + 40 * phase}"))],
                    Pixels =
                    [
                        .. Enumerable
                            .Range(0, Edge * Edge)
                            .Select(n =>
                                n % Edge is <= 3 or >= 28 || n / Edge is <= 3 or >= 28 ? 0
                                : n % Edge < 20 - 4 * phase ? 300
                                : 1000
                            ),
                    ],
                }.ToBytes()
            );
}
