using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>
/// WADO-RS (PS3.18 section 10.4) for what the platform made: as multipart/related, or a single instance as application/dicom where that is what is accepted;
/// metadata as DICOM JSON. Instances are made as they are sent.
/// </summary>
internal static partial class RetrieveEndpoints
{
    private const int BufferBytes = 1 << 16;
    private const string Dicom = "application/dicom";

    public static void Map(IEndpointRouteBuilder routes)
    {
        const string study = "/studies/{study}";
        const string series = $"{study}/series/{{series}}";
        foreach (var path in new[] { study, series, $"{series}/instances/{{instance}}" })
        {
            routes.MapGet(path, RetrieveAsync);
            routes.MapGet($"{path}/metadata", MetadataAsync);
        }
    }

    private static async Task<IResult> RetrieveAsync(
        HttpContext http,
        string study,
        ResultCatalog catalog,
        ILogger<ResultCatalog> logger,
        string? series = null,
        string? instance = null
    )
    {
        var found = await FindAsync(http, study, catalog, series, instance);
        if (found.Count == 0)
        {
            return Unknown();
        }
        if (http.User.IsGateway())
        {
            var report = found[0].Series.Object.Report;
            LogIdentified(logger, report.Study.Tenant, report.Study.StudyId, found.Count);
        }
        http.Response.Headers.CacheControl = "no-store";
        if (found.Any(one => one.Series.Output.Plan.NotForDiagnosis))
        {
            http.Response.Headers[OutputEndpoints.NotForDiagnosis] = "true";
        }
        // The writers are synchronous: they run on a thread of their own, and the response takes what they write as it comes.
        http.Features.GetRequiredFeature<IHttpBodyControlFeature>().AllowSynchronousIO = true;
        if (instance is not null && IsBare(http.Request))
        {
            return TypedResults.Stream(
                body => WriteAsync(body, catalog, found, null, http.RequestAborted),
                Dicom
            );
        }
        var boundary = $"part-{Guid.NewGuid():n}";
        return TypedResults.Stream(
            body => WriteAsync(body, catalog, found, boundary, http.RequestAborted),
            $"multipart/related; type=\"{Dicom}\"; boundary={boundary}"
        );
    }

    private static async Task<IResult> MetadataAsync(
        HttpContext http,
        string study,
        ResultCatalog catalog,
        string? series = null,
        string? instance = null
    )
    {
        var found = await FindAsync(http, study, catalog, series, instance);
        if (found.Count == 0)
        {
            return Unknown();
        }
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Stream(
            async body =>
            {
                await using var json = new Utf8JsonWriter(body);
                json.WriteStartArray();
                foreach (var (one, numbers) in found)
                {
                    await foreach (
                        var dataset in catalog.MakeAsync(one, numbers, http.RequestAborted)
                    )
                    {
                        dataset.WriteJson(json);
                        await json.FlushAsync(http.RequestAborted);
                    }
                }
                json.WriteEndArray();
            },
            "application/dicom+json"
        );
    }

    private static async Task<List<(ResultSeries Series, int[] Numbers)>> FindAsync(
        HttpContext http,
        string study,
        ResultCatalog catalog,
        string? series,
        string? instance
    ) =>
        [
            .. from one in await catalog.FindAsync(http.User, study, http.RequestAborted) ?? []
            where series is null || one.Object.SeriesInstance == series
            let numbers = one.Numbers(instance).ToArray()
            where numbers.Length > 0
            select (one, numbers),
        ];

    private static async Task WriteAsync(
        Stream body,
        ResultCatalog catalog,
        List<(ResultSeries Series, int[] Numbers)> found,
        string? boundary,
        CancellationToken cancellationToken
    )
    {
        await using var buffered = new BufferedStream(body, BufferBytes);
        foreach (var (series, numbers) in found)
        {
            await foreach (var dataset in catalog.MakeAsync(series, numbers, cancellationToken))
            {
                if (boundary is not null)
                {
                    buffered.Write(
                        Encoding.ASCII.GetBytes(
                            $"\r\n--{boundary}\r\nContent-Type: {Dicom}\r\n\r\n"
                        )
                    );
                }
                await Task.Run(() => dataset.WriteFile(buffered), cancellationToken);
            }
        }
        if (boundary is not null)
        {
            buffered.Write(Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n"));
        }
    }

    /// <summary>Whether the caller accepts an instance by itself, and not as a part.</summary>
    private static bool IsBare(HttpRequest request) =>
        request
            .GetTypedHeaders()
            .Accept.Any(accepted =>
                accepted.MediaType.Equals(Dicom, StringComparison.OrdinalIgnoreCase)
            );

    private static ProblemHttpResult Unknown() =>
        TypedResults.Problem(
            title: "unknown result",
            detail: "Your hospital has no such study, series or instance of results, or there is no report yet.",
            statusCode: StatusCodes.Status404NotFound
        );

    [LoggerMessage(
        LogLevel.Information,
        "{Tenant}: {Count} series of results of study {StudyId} sent to the hospital's gateway with the patient's identity"
    )]
    private static partial void LogIdentified(
        ILogger logger,
        string tenant,
        string studyId,
        int count
    );
}
