using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// STOW-RS (PS3.18 section 10.5): POST /dicom-web/studies and /dicom-web/studies/{study}, multipart/related with a part an instance. The headers x-site and
/// x-priority say what an upload's fields do. POST …/studies/{study}/complete closes the study, or with ?instances=n once as many are there.
/// </summary>
internal static class StoreEndpoint
{
    private const string SiteHeader = "x-site";
    private const string PriorityHeader = "x-priority";
    private const int BufferBytes = 128 * 1024;
    private const string RetrySeconds = "10";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var studies = routes.MapGroup("/dicom-web/studies");
        studies.MapPost("/", StoreAsync);
        studies.MapPost("/{study}", StoreAsync);
        studies.MapPost("/{study}/complete", CompleteAsync);
        var held = routes.MapGroup("/api/held/{studyId:regex(^[0-9a-f]{{32}}$)}");
        held.MapGet("/", HeldAsync);
        held.MapPost(
            "/release",
            (HttpContext context, string studyId, StudyGathering gathering, StudyIntake intake) =>
                ReleaseAsync(context, studyId, true, gathering, intake)
        );
        held.MapDelete(
            "/",
            (HttpContext context, string studyId, StudyGathering gathering, StudyIntake intake) =>
                ReleaseAsync(context, studyId, false, gathering, intake)
        );
    }

    private static async Task<IResult> StoreAsync(
        HttpContext context,
        StudyGathering gathering,
        StudyIntake intake,
        IOptions<IngestOptions> options,
        string? study = null
    )
    {
        var submission = Submission(context, intake);
        try
        {
            intake.RequireRoom();
            await using var request = new StoreRequest(
                submission,
                study,
                gathering,
                intake,
                options.Value
            );
            var reader = new MultipartReader(
                Boundary(context.Request),
                context.Request.Body,
                BufferBytes
            );
            while (await NextAsync(reader, context.RequestAborted) is { } section)
            {
                await request.TakeAsync(section.Body, context.RequestAborted);
            }
            return StoreResponse.Of(await request.EndAsync(context.RequestAborted));
        }
        catch (IntakeUnavailableException)
        {
            return Unavailable(context);
        }
    }

    private static async Task<IResult> CompleteAsync(
        HttpContext context,
        string study,
        StudyGathering gathering,
        StudyIntake intake,
        int? instances = null
    )
    {
        var submission = Submission(context, intake);
        if (instances < 1)
        {
            throw Invalid($"instances is {instances}: a study has at least one");
        }
        var gathered = await gathering.OpenAsync(submission, study, context.RequestAborted);
        if (
            instances is { } expected
            && await gathering.ExpectAsync(gathered, expected, context.RequestAborted)
                is var received
            && received < expected
        )
        {
            return TypedResults.Accepted(
                (string?)null,
                new ExpectedStudy(gathered.StudyId, received, expected)
            );
        }
        var result = await gathering.CloseAsync(
            submission,
            gathered.StudyId,
            context.RequestAborted
        );
        return result is null
            ? TypedResults.Problem(
                title: "unknown study",
                detail: "No instance of it is stored.",
                statusCode: StatusCodes.Status404NotFound
            )
            : TypedResults.Ok(SubmittedStudy.Of(result));
    }

    private static async Task<IResult> HeldAsync(
        HttpContext context,
        string studyId,
        StudyGathering gathering
    ) =>
        TypedResults.Ok(
            new HeldInstances(
                await gathering.HeldAsync(context.User.Tenant(), studyId, context.RequestAborted)
            )
        );

    private static async Task<IResult> ReleaseAsync(
        HttpContext context,
        string studyId,
        bool release,
        StudyGathering gathering,
        StudyIntake intake
    ) =>
        TypedResults.Ok(
            new HeldInstances(
                await gathering.ReleaseAsync(
                    Submission(context, intake),
                    studyId,
                    release,
                    context.RequestAborted
                )
            )
        );

    private static StudySubmission Submission(HttpContext context, StudyIntake intake)
    {
        try
        {
            return intake.Check(
                new StudySubmission
                {
                    Tenant = context.User.Tenant(),
                    Source = "dicomweb",
                    Site = context.Request.Headers[SiteHeader],
                    Priority = SubmissionFields.Priority(context.Request.Headers[PriorityHeader]),
                }
            );
        }
        catch (SubmissionRefusedException e)
        {
            throw Invalid($"x-{e.Field}: {e.Message}");
        }
    }

    /// <summary>PS3.18 section 8.6.1.2.2: the type of the parts is stated beside the boundary; one that is left out is DICOM.</summary>
    private static string Boundary(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Equals("multipart/related", StringComparison.OrdinalIgnoreCase)
        && HeaderUtilities.RemoveQuotes(type.Boundary) is { Length: > 0 and <= 200 } boundary
        && PartType(type) is "" or "application/dicom"
            ? boundary.ToString()
            : throw new BadHttpRequestException(
                "instances are sent as multipart/related; type=\"application/dicom\"; boundary=…",
                StatusCodes.Status415UnsupportedMediaType
            );

    private static string PartType(MediaTypeHeaderValue type) =>
        HeaderUtilities
            .RemoveQuotes(
                type.Parameters.FirstOrDefault(p =>
                    p.Name.Equals("type", StringComparison.OrdinalIgnoreCase)
                )?.Value
                    ?? ""
            )
            .ToString()
            .ToLowerInvariant();

    private static Task<MultipartSection?> NextAsync(
        MultipartReader reader,
        CancellationToken cancellationToken
    ) =>
        MultipartBody.ReadAsync(
            () => reader.ReadNextSectionAsync(cancellationToken),
            () =>
                Invalid(
                    "the multipart body is malformed or ends early; what was stored of it stays, send it again"
                )
        );

    private static ProblemHttpResult Unavailable(HttpContext context)
    {
        context.Response.Headers.RetryAfter = RetrySeconds;
        return TypedResults.Problem(
            title: "instances cannot be stored now",
            detail: "Send them again; what is stored already is not stored twice.",
            statusCode: StatusCodes.Status503ServiceUnavailable
        );
    }

    private static BadHttpRequestException Invalid(string message) => new(message);
}

/// <summary>A study that is not complete yet.</summary>
internal sealed record ExpectedStudy(string StudyId, int Received, int Expected);

/// <summary>How many instances are held, or were.</summary>
internal sealed record HeldInstances(int Instances);
