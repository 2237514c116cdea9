using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>
/// What the models made, for download: turned back to the orientation in which the image was received, so that it lies over it
/// voxel for voxel. Only of revisions that have a report: nothing leaves without its verdict.
/// </summary>
internal static class OutputEndpoints
{
    private const string NotForDiagnosis = "X-Not-For-Diagnosis";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var study = routes.MapGroup("/api/studies/{studyId}");
        study.MapGet("/outputs/{model}/{series}/labels.nii.gz", LabelsAsync);
        study.MapGet("/outputs/{model}/{series}/volume.nii.gz", VolumeAsync);
        study.MapGet("/preview.png", PreviewAsync);
    }

    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> LabelsAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes
    ) =>
        await request.FindAsync(OutputKind.Segmentation) is not { } found
            ? UnknownOutput()
            : Download(
                request.Http,
                found,
                "labels",
                await volumes.ReadLabelsAsync(found.Output.Output, request.Cancellation)
            );

    private static async Task<Results<PushStreamHttpResult, ProblemHttpResult>> VolumeAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes
    ) =>
        await request.FindAsync(OutputKind.SuperResolution) is not { } found
            ? UnknownOutput()
            : Download(
                request.Http,
                found,
                "volume",
                await volumes.ReadImageAsync(found.Output.Output, request.Cancellation)
            );

    /// <summary>Three planes of one segmentation over its image: the one asked for, or the first of the native images.</summary>
    private static async Task<Results<FileContentHttpResult, ProblemHttpResult>> PreviewAsync(
        [AsParameters] OutputRequest request,
        VolumeStore volumes
    )
    {
        if (await request.FindAsync(OutputKind.Segmentation) is not { } found)
        {
            return UnknownOutput();
        }
        var image = await volumes.ReadImageAsync(found.Output.Input, request.Cancellation);
        var labels = await volumes.ReadLabelsAsync(found.Output.Output, request.Cancellation);
        Mark(request.Http, found.Output);
        var png = await Task.Run(() => LabelPreview.Render(image, labels), request.Cancellation);
        return TypedResults.Bytes(png, "image/png");
    }

    private static PushStreamHttpResult Download<T>(
        HttpContext http,
        (PlannedOutput Output, string Orientation) found,
        string what,
        Volume<T> volume
    )
        where T : unmanaged
    {
        var (output, orientation) = found;
        Mark(http, output);
        var name =
            $"{output.Series}-{output.Model}-{what}{(output.NotForDiagnosis ? "-not-for-diagnosis" : "")}.nii.gz";
        // The writer is synchronous: it runs on a thread of its own, and the response takes what it writes as it comes.
        http.Features.GetRequiredFeature<IHttpBodyControlFeature>().AllowSynchronousIO = true;
        return TypedResults.Stream(
            body =>
                Task.Run(
                    () =>
                        NiftiWriter.Write(
                            body,
                            Orienter.ToOrientation(volume, orientation),
                            NiftiCompression.Gzip
                        ),
                    http.RequestAborted
                ),
            "application/gzip",
            name
        );
    }

    private static void Mark(HttpContext http, PlannedOutput output)
    {
        http.Response.Headers.CacheControl = "no-store";
        if (output.NotForDiagnosis)
        {
            http.Response.Headers[NotForDiagnosis] = "true";
        }
    }

    private static ProblemHttpResult UnknownOutput() =>
        TypedResults.Problem(
            title: "unknown output",
            detail: "The report of your hospital's study lists no such output, or there is no report yet.",
            statusCode: StatusCodes.Status404NotFound
        );
}

/// <summary>Which output of which study; model and series may be left out for a preview.</summary>
internal sealed record OutputRequest(
    string StudyId,
    string? Model,
    string? Series,
    int? Revision,
    ClaimsPrincipal User,
    IBlobStore Blobs,
    HttpContext Http,
    CancellationToken Cancellation
)
{
    /// <summary>The output as planned and the orientation of the image it was made of, or null.</summary>
    public async Task<(PlannedOutput Output, string Orientation)?> FindAsync(OutputKind kind)
    {
        if (
            await StudyLookup.FindAsync(Blobs, User.Tenant(), StudyId, Revision ?? 0, Cancellation)
                is not { } study
            || await Blobs.FindJsonAsync<StudyReport>(BlobNames.Report(study), Cancellation)
                is not { } report
        )
        {
            return null;
        }
        var planned = report
            .Outputs.Select(o => o.Plan)
            .Where(o => o.NotApplicable is null)
            .ToList();
        var output = planned
            .Where(o =>
                o.Kind == kind
                && (Model is null || o.Model == Model)
                && (Series is null || o.Series == Series)
            )
            .OrderBy(o => o.NotForDiagnosis)
            .FirstOrDefault();
        if (output is null)
        {
            return null;
        }
        // A super-resolved volume's labels belong to the series it was made of.
        var origin = output;
        while (planned.Find(o => o.Output == origin.Input) is { } source)
        {
            origin = source;
        }
        var series = report.Series.First(s => s.Series == origin.Series);
        return (output, series.ReceivedOrientation);
    }
}
