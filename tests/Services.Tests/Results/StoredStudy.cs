using Microsoft.Extensions.DependencyInjection;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;

namespace Services.Tests.Results;

/// <summary>A study as the stages before results leave it in the blob store, as far as a test wants it.</summary>
internal sealed class StoredStudy(
    ResultsHost host,
    string tenant = "alpha",
    int revision = 1,
    string? studyId = null
)
{
    public const string Series = "s1";
    public static readonly DateTimeOffset ReceivedAt = new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);

    /// <summary>A finished report of revision 2 of a study nobody stored.</summary>
    public static StudyReport Report(params ReportedOutput[] outputs) =>
        new()
        {
            Study = new()
            {
                Tenant = "alpha",
                StudyId = new('c', 32),
                Revision = 2,
                CorrelationId = Guid.Empty,
            },
            Outcome = StudyOutcome.Analysed,
            CompletedAt = ReceivedAt,
            CodeVersion = "0.1.0",
            Outputs = outputs,
        };

    /// <summary>A canonical image whose voxels can be told apart; received as "LPS".</summary>
    public static readonly VolumeGeometry Geometry = VolumeGeometry.Ras((4, 5, 6), (1, 1.5, 2));

    public StudyContext Context { get; } =
        new()
        {
            Tenant = tenant,
            StudyId = studyId ?? Guid.NewGuid().ToString("n"),
            Revision = revision,
            CorrelationId = Guid.NewGuid(),
        };

    public PlannedOutput Native =>
        new()
        {
            Kind = OutputKind.Segmentation,
            Series = Series,
            Model = ResultsHost.Model,
            Input = BlobNames.Volume(Context, Series),
            Output = BlobNames.Labels(Context, ResultsHost.Model, Series),
        };

    public PlannedOutput Sharp =>
        new()
        {
            Kind = OutputKind.SuperResolution,
            Series = Series,
            Model = ResultsHost.Sharpener,
            Input = BlobNames.Volume(Context, Series),
            Output = BlobNames.SuperResolved(Context, ResultsHost.Sharpener, Series),
            NotForDiagnosis = true,
        };

    public PlannedOutput Derived =>
        new()
        {
            Kind = OutputKind.Segmentation,
            Series = $"{Series}-sr",
            Model = ResultsHost.Model,
            Input = Sharp.Output,
            Output = BlobNames.Labels(Context, ResultsHost.Model, $"{Series}-sr"),
            NotForDiagnosis = true,
        };

    public async Task<StoredStudy> OpenAsync()
    {
        await CreateAsync(BlobNames.Open(Context), Context);
        return this;
    }

    public async Task<StoredStudy> ReceiveAsync()
    {
        await OpenAsync();
        await CreateAsync(
            BlobNames.Manifest(Context),
            new StudyManifest
            {
                Study = Context,
                ReceivedAt = ReceivedAt,
                Source = "upload",
                Items =
                [
                    new()
                    {
                        Name = "0.nii",
                        Bytes = 1,
                        Sha256 = new('a', 64),
                    },
                ],
                InputDigest = new('a', 64),
            }
        );
        return this;
    }

    public async Task<StoredStudy> PlanAsync(params PlannedOutput[] outputs)
    {
        await ReceiveAsync();
        await WriteAsync(BlobNames.Volume(Context, Series), new Volume<float>(Geometry));
        await CreateAsync(
            BlobNames.Plan(Context),
            new StudyPlan
            {
                Study = Context,
                InputDigest = new('a', 64),
                CodeVersion = "1.2.3",
                Seconds = 1.5,
                Series =
                [
                    new()
                    {
                        Series = Series,
                        Shape = [4, 5, 6],
                        SpacingMm = [1, 1.5, 2],
                        ReceivedOrientation = "LPS",
                        VolumeDigest = new('b', 64),
                    },
                ],
                Outputs = outputs,
            }
        );
        return this;
    }

    public async Task SharpenAsync()
    {
        await ProveAsync(Sharp);
        await WriteAsync(Sharp.Output, new Volume<float>(Geometry));
    }

    /// <summary>Every voxel has another label, but where a test has labels of its own.</summary>
    public async Task SegmentAsync(PlannedOutput output, Volume<byte>? labels = null)
    {
        await ProveAsync(output);
        labels ??= new(
            Geometry,
            [.. Enumerable.Range(0, (int)Geometry.VoxelCount).Select(n => (byte)n)]
        );
        await WriteAsync(output.Output, labels);
    }

    public Task AssessAsync(
        PlannedOutput output,
        Verdict verdict = Verdict.Pass,
        params StructureQuality[] structures
    ) =>
        CreateAsync(
            BlobNames.Quality(Context, output.Model, output.Series),
            new SegmentationQuality
            {
                Series = output.Series,
                Model = output.Model,
                ReferenceSet = null,
                Method = "rca-single-atlas",
                References = 0,
                Verdict = verdict,
                Structures = structures,
                NotForDiagnosis = output.NotForDiagnosis,
                Seconds = 2,
            }
        );

    /// <summary>Everything but the report.</summary>
    public async Task<StoredStudy> CompleteAsync(Verdict verdict = Verdict.Pass)
    {
        await PlanAsync(Native);
        await SegmentAsync(Native);
        await AssessAsync(Native, verdict);
        return this;
    }

    public SegmentationAssessed Assessed(Verdict verdict = Verdict.Pass) =>
        new()
        {
            Study = Context,
            Series = Series,
            Model = ResultsHost.Model,
            Verdict = verdict,
        };

    private Task<bool> ProveAsync(PlannedOutput output) =>
        CreateAsync(
            BlobNames.Provenance(Context, output.Model, output.Series),
            new OutputProvenance
            {
                Model = output.Model,
                ModelDigest = new('c', 64),
                InputDigest = new('b', 64),
                CodeVersion = "1.2.3",
                ExecutionProvider = "cpu",
                NotForDiagnosis = output.NotForDiagnosis,
                Seconds = new Dictionary<string, double> { ["fetch"] = 1, ["infer"] = 3 },
            }
        );

    private async Task WriteAsync<T>(string name, Volume<T> volume)
        where T : unmanaged =>
        await host
            .Services.GetRequiredService<VolumeStore>()
            .TryCreateAsync(name, volume, CancellationToken.None);

    private Task<bool> CreateAsync<T>(string name, T document) =>
        host.Blobs.TryCreateJsonAsync(name, document, CancellationToken.None);
}
