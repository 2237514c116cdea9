using System.Globalization;
using System.Numerics;
using System.Security.Claims;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>
/// The results of a study as DICOM series: the newest revision that has a report. The hospital's gateway finds them under the identifiers it sent, and
/// patients' names in them; everybody else under pseudonyms.
/// </summary>
internal sealed class ResultCatalog(
    IBlobStore blobs,
    VolumeStore volumes,
    IdentityVault vault,
    TenantDirectory tenants
)
{
    /// <summary>Finds the results of a study.</summary>
    /// <param name="user">The caller.</param>
    /// <param name="studyInstanceUid">As it was received, or the UID that stands for it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>Null where the caller's hospital has no such study, or there is no report yet.</returns>
    public async Task<IReadOnlyList<ResultSeries>?> FindAsync(
        ClaimsPrincipal user,
        string studyInstanceUid,
        CancellationToken cancellationToken
    )
    {
        var tenant = user.Tenant();
        string?[] names =
        [
            tenants.PseudonymOf(tenant, TenantDirectory.IdentityOfUid(studyInstanceUid)),
            Pseudonym(studyInstanceUid),
        ];
        foreach (var studyId in names.OfType<string>())
        {
            if (await ReportAsync(tenant, studyId, cancellationToken) is { } report)
            {
                return await SeriesAsync(user, report, cancellationToken);
            }
        }
        return null;
    }

    /// <summary>The series of a study that has a report; none where it was rejected.</summary>
    public async Task<IReadOnlyList<ResultSeries>> SeriesAsync(
        ClaimsPrincipal user,
        StudyReport report,
        CancellationToken cancellationToken
    )
    {
        var crosswalk = user.IsGateway()
            ? await vault.FindAsync(report.Study.Tenant, report.Study.StudyId, cancellationToken)
                ?? new Crosswalk()
            : null;
        var result = new List<ResultSeries>();
        foreach (var output in report.Outputs.Where(o => o.Plan.NotApplicable is null))
        {
            var received = report.Series.First(s => s.Series == output.Plan.ReceivedSeries);
            var source = new ResultSource(
                await InstancesAsync(report.Study, received.Series, cancellationToken),
                crosswalk
            );
            ResultSeries Series(ResultKind kind, int instances) =>
                new(
                    new(report, output.Plan.Model, output.Plan.Series, kind, source),
                    output,
                    received,
                    instances
                );
            if (output.Plan.Kind == OutputKind.SuperResolution)
            {
                var geometry = Orienter.ToOrientation(
                    await volumes.ReadGeometryAsync(output.Plan.Output, cancellationToken),
                    received.ReceivedOrientation
                );
                result.Add(Series(ResultKind.Volume, geometry.Shape.K * received.Frames));
            }
            else if (output is { Quality: { } quality, Provenance: not null })
            {
                if (quality.Structures.Count > 0)
                {
                    result.Add(Series(ResultKind.Segmentation, 1));
                }
                result.Add(Series(ResultKind.Quality, 1));
            }
        }
        return result;
    }

    /// <summary>Which instances a received series was made of; null where it was not DICOM.</summary>
    public Task<SourceSeries?> InstancesAsync(
        StudyContext study,
        string series,
        CancellationToken cancellationToken
    ) => blobs.FindJsonAsync<SourceSeries>(BlobNames.Instances(study, series), cancellationToken);

    /// <summary>Makes instances of a series, in their order; their volume is read once.</summary>
    /// <param name="series">The series.</param>
    /// <param name="numbers">Which, from 1.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async IAsyncEnumerable<DicomDataset> MakeAsync(
        ResultSeries series,
        IEnumerable<int> numbers,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var (result, output) = (series.Object, series.Output);
        switch (result.Kind)
        {
            case ResultKind.Quality:
                yield return QualityStructuredReport.Of(
                    result.Report,
                    output.Quality!,
                    result.Source
                );
                break;
            case ResultKind.Segmentation:
                var labels = await volumes.ReadOutputAsync<byte>(
                    output.Plan,
                    series.Received,
                    cancellationToken
                );
                yield return await Task.Run(
                    () => SegmentationImage.Of(result.Report, output, labels, result.Source),
                    cancellationToken
                );
                break;
            default:
                var wanted = numbers.ToHashSet();
                var time = 0;
                await foreach (
                    var frame in volumes.ReadFramesAsync<float>(
                        output.Plan.Output,
                        cancellationToken
                    )
                )
                {
                    var volume = Orienter.ToOrientation(frame, series.Received.ReceivedOrientation);
                    var planes = volume.Geometry.Shape.K;
                    for (var plane = 0; plane < planes; plane++)
                    {
                        if (wanted.Remove(time * planes + plane + 1))
                        {
                            yield return SuperResolvedImage.Of(
                                result.Report,
                                output,
                                series.Received,
                                time,
                                volume,
                                plane,
                                result.Source
                            );
                        }
                    }
                    if (wanted.Count == 0)
                    {
                        break;
                    }
                    time++;
                }
                break;
        }
    }

    private async Task<StudyReport?> ReportAsync(
        string tenant,
        string studyId,
        CancellationToken cancellationToken
    )
    {
        var study = await StudyLookup.FindAsync(blobs, tenant, studyId, 0, cancellationToken);
        for (var revision = study?.Revision ?? 0; revision > 0; revision--)
        {
            var name = BlobNames.Report(study! with { Revision = revision });
            if (await blobs.FindJsonAsync<StudyReport>(name, cancellationToken) is { } report)
            {
                return report;
            }
        }
        return null;
    }

    /// <summary>The pseudonym a UID was made of; null for any other UID.</summary>
    private static string? Pseudonym(string uid) =>
        uid.StartsWith("2.25.", StringComparison.Ordinal)
        && BigInteger.TryParse(
            uid.AsSpan(5),
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out var number
        )
        && number >> 128 == 0
            ? ((UInt128)number).ToString("x32", CultureInfo.InvariantCulture)
            : null;
}

/// <summary>A series of results.</summary>
/// <param name="Object">Its identifiers, and whose it is.</param>
/// <param name="Output">What it shows.</param>
/// <param name="Received">The received series it was made of.</param>
/// <param name="Instances">How many instances it has.</param>
internal sealed record ResultSeries(
    ResultObject Object,
    ReportedOutput Output,
    PlannedSeries Received,
    int Instances
)
{
    /// <summary>Numbers of the instances that a caller asks for: all, or the one of this UID.</summary>
    public IEnumerable<int> Numbers(string? sopInstanceUid) =>
        Enumerable
            .Range(1, Instances)
            .Where(number =>
                sopInstanceUid is null || Object.SopInstance(number) == sopInstanceUid
            );
}
