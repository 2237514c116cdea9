using System.Net;
using System.Text.Json;
using Platform.Contracts;
using Platform.Imaging;
using Platform.Testing;

namespace Services.Tests.Results;

/// <summary>DICOM segmentation images over HTTP.</summary>
public sealed class SegmentationDownloadTests : IAsyncLifetime
{
    private static readonly StructureQuality[] Structures = [Structure(3), Structure(77)];

    private readonly TemporaryFolder _folder = new();
    private ResultsHost _host = null!;

    public async Task InitializeAsync() => _host = await ResultsHost.StartAsync(_folder);

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_is_served_to_the_hospital_whose_study_it_is_once_there_is_a_report()
    {
        var study = new StoredStudy(_host);
        await study.PlanAsync(study.Native);
        await study.SegmentAsync(study.Native);
        await study.AssessAsync(study.Native, Verdict.Pass, Structures);
        using var client = _host.Client(ResultsHost.Alpha);
        var path = Path(study, study.Native);
        using (var early = await client.GetAsync(path))
        {
            Assert.Equal(HttpStatusCode.NotFound, early.StatusCode);
        }
        await _host.Flow.TryEndAsync(study.Context, CancellationToken.None);
        using var answer = await client.GetAsync(path);
        Assert.Equal("application/dicom", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(
            $"{StoredStudy.Series}-{ResultsHost.Model}-segmentation.dcm",
            answer.Content.Headers.ContentDisposition?.FileName?.Trim('"')
        );
        var image = await ReadAsync(answer);
        // Received as LPS: rows run to the left, columns to posterior, which are DICOM's own first two axes.
        Assert.Equal(
            [1, 0, 0, 0, 1, 0],
            image.Item(0x5200_9229).Item(0x0020_9116).Numbers(0x0020_0037)
        );
        var expected = new Volume<byte>(StoredStudy.Geometry);
        (expected.Voxels[3], expected.Voxels[77]) = (3, 77);
        Assert.Equal(
            expected.Voxels,
            SegmentationReader.ReadBack(image, StoredStudy.Geometry, 3, 77).Voxels
        );
        using var other = _host.Client(ResultsHost.Beta);
        using var hidden = await other.GetAsync(path);
        Assert.Equal(HttpStatusCode.NotFound, hidden.StatusCode);
    }

    [Fact]
    public async Task What_is_not_for_diagnosis_says_so_and_what_is_no_segmentation_is_not_found()
    {
        var study = new StoredStudy(_host);
        await study.PlanAsync(study.Native, study.Sharp, study.Derived);
        await study.SharpenAsync();
        foreach (var output in new[] { study.Native, study.Derived })
        {
            await study.SegmentAsync(output);
            await study.AssessAsync(output, Verdict.Pass, Structures);
        }
        await _host.Flow.TryEndAsync(study.Context, CancellationToken.None);
        using var client = _host.Client(ResultsHost.Alpha);
        using var derived = await client.GetAsync(Path(study, study.Derived));
        Assert.Equal("true", derived.Headers.GetValues("X-Not-For-Diagnosis").Single());
        Assert.Contains(
            "not-for-diagnosis",
            derived.Content.Headers.ContentDisposition?.FileName,
            StringComparison.Ordinal
        );
        var marked = await ReadAsync(derived);
        Assert.Contains("Not for diagnosis", marked.Text(0x0070_0081), StringComparison.Ordinal);
        Assert.Contains("not for diagnosis", marked.Text(0x0008_103E), StringComparison.Ordinal);
        using var native = await client.GetAsync(Path(study, study.Native));
        var plain = await ReadAsync(native);
        Assert.DoesNotContain(
            "not for diagnosis",
            plain.Text(0x0070_0081) + plain.Text(0x0008_103E),
            StringComparison.OrdinalIgnoreCase
        );
        // Both lie in the space of the series they were made of.
        Assert.Equal(plain.Text(0x0020_0052), marked.Text(0x0020_0052));
        using var sharp = await client.GetAsync(Path(study, study.Sharp));
        Assert.Equal(HttpStatusCode.NotFound, sharp.StatusCode);
        using var unknown = await client.GetAsync(Path(study, study.Native with { Series = "s9" }));
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task What_dicom_cannot_say_is_a_conflict_that_names_the_way_out()
    {
        var study = new StoredStudy(_host);
        await study.PlanAsync(study.Native);
        var sheared = new VolumeGeometry((4, 5, 6), [1, 0.1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
        await study.SegmentAsync(study.Native, new(sheared));
        await study.AssessAsync(study.Native, Verdict.Pass, Structures);
        await _host.Flow.TryEndAsync(study.Context, CancellationToken.None);
        using var client = _host.Client(ResultsHost.Alpha);
        using var answer = await client.GetAsync(Path(study, study.Native));
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        var detail = await answer.Content.ReadAsStringAsync();
        Assert.Contains("degrees", detail, StringComparison.Ordinal);
        Assert.Contains("labels.nii.gz", detail, StringComparison.Ordinal);
    }

    private static StructureQuality Structure(int label) =>
        new()
        {
            Label = label,
            Name = $"structure {label}",
            VolumeMl = 0.003,
            Verdict = Verdict.Pass,
        };

    private static string Path(StoredStudy study, PlannedOutput output) =>
        $"/api/studies/{study.Context.StudyId}/outputs/{output.Model}/{output.Series}/segmentation.dcm";

    private async Task<JsonElement> ReadAsync(HttpResponseMessage answer)
    {
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var file = _folder[$"{Guid.NewGuid():n}.dcm"];
        await File.WriteAllBytesAsync(file, await answer.Content.ReadAsByteArrayAsync());
        return DicomTools.Read(file);
    }
}
