using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;
using Platform.Contracts;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>
/// POST /api/studies, multipart/form-data: file parts in any number, and the fields site, reference, priority and models
/// (repeated or separated by commas), before or after the files. Parts are streamed; nothing is buffered whole.
/// </summary>
internal static class StudyUploadEndpoint
{
    private const int MaxFieldBytes = 4096;
    private const int BufferBytes = 128 * 1024;
    private static readonly string[] Fields = ["site", "reference", "priority", "models"];

    public static async Task<Results<Accepted<SubmittedStudy>, ProblemHttpResult>> PostAsync(
        HttpContext context,
        StudyIntake intake
    )
    {
        try
        {
            var (submission, upload) = await ReadAsync(context, intake);
            using (upload)
            {
                var result = await intake.SubmitAsync(submission, upload, context.RequestAborted);
                return TypedResults.Accepted(
                    $"/api/studies/{result.Study.StudyId}",
                    SubmittedStudy.Of(result)
                );
            }
        }
        catch (SubmissionRefusedException e)
        {
            return Refused(e);
        }
        catch (IntakeUnavailableException)
        {
            context.Response.Headers.RetryAfter = "10";
            return TypedResults.Problem(
                title: "the study cannot be stored now",
                detail: "Nothing was taken. Send the study again.",
                statusCode: StatusCodes.Status503ServiceUnavailable
            );
        }
    }

    private static async Task<(StudySubmission, StudyUpload)> ReadAsync(
        HttpContext context,
        StudyIntake intake
    )
    {
        var fields = Fields.ToDictionary(name => name, _ => new List<string>());
        var upload = intake.OpenUpload(context.User.Tenant());
        try
        {
            var reader = new MultipartReader(
                Boundary(context.Request),
                context.Request.Body,
                BufferBytes
            );
            while (
                await MultipartBody.ReadAsync(
                    () => reader.ReadNextSectionAsync(context.RequestAborted),
                    Malformed
                )
                    is { } section
            )
            {
                var header = section.GetContentDispositionHeader();
                if (header?.IsFileDisposition() == true)
                {
                    intake.Check(Submission(context.User.Tenant(), fields));
                    await MultipartBody.ReadAsync(
                        async () =>
                        {
                            await upload.AddFileAsync(section.Body, context.RequestAborted);
                            return true;
                        },
                        Malformed
                    );
                }
                else
                {
                    var name = header?.Name.ToString() ?? "";
                    if (!fields.TryGetValue(name, out var values))
                    {
                        throw Invalid(
                            name,
                            null,
                            $"unknown field; there are files and {string.Join(", ", Fields)}"
                        );
                    }
                    values.Add(await ReadFieldAsync(name, section.Body, context.RequestAborted));
                }
            }
            return (Submission(context.User.Tenant(), fields), upload);
        }
        catch
        {
            upload.Dispose();
            throw;
        }
    }

    private static StudySubmission Submission(
        string tenant,
        Dictionary<string, List<string>> fields
    ) =>
        new()
        {
            Tenant = tenant,
            Source = "upload",
            Site = Single(fields, "site"),
            Reference = Single(fields, "reference"),
            Priority = SubmissionFields.Priority(Single(fields, "priority")),
            Models = SubmissionFields.Models(fields["models"]),
        };

    private static string? Single(Dictionary<string, List<string>> fields, string name) =>
        fields[name] switch
        {
            [] => null,
            [var value] => value,
            _ => throw Invalid(name, null, "given more than once"),
        };

    private static string Boundary(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase)
        && HeaderUtilities.RemoveQuotes(type.Boundary) is { Length: > 0 and <= 200 } boundary
            ? boundary.ToString()
            : throw Invalid(
                "Content-Type",
                request.ContentType,
                "a study is sent as multipart/form-data with a boundary"
            );

    private static async Task<string> ReadFieldAsync(
        string name,
        Stream body,
        CancellationToken cancellationToken
    )
    {
        var bytes = new byte[MaxFieldBytes + 1];
        var length = await body.ReadAtLeastAsync(
            bytes,
            bytes.Length,
            throwOnEndOfStream: false,
            cancellationToken
        );
        return length <= MaxFieldBytes
            ? System.Text.Encoding.UTF8.GetString(bytes, 0, length).Trim()
            : throw Invalid(name, null, $"longer than {MaxFieldBytes} bytes");
    }

    private static SubmissionRefusedException Malformed() =>
        Invalid("body", null, "the multipart body is malformed or ends early");

    private static SubmissionRefusedException Invalid(
        string field,
        string? value,
        string message
    ) => new(RefusalKind.Invalid, field, value, message);

    private static ProblemHttpResult Refused(SubmissionRefusedException refused) =>
        TypedResults.Problem(
            title: $"the study was refused: {refused.Field}",
            detail: refused.Message,
            statusCode: refused.Kind == RefusalKind.TooLarge
                ? StatusCodes.Status413PayloadTooLarge
                : StatusCodes.Status400BadRequest,
            extensions: new Dictionary<string, object?>
            {
                ["reason"] = refused.Kind.ToString(),
                ["field"] = refused.Field,
                ["value"] = refused.Value,
            }
        );
}

/// <summary>The answer to an upload.</summary>
/// <param name="StudyId">Names the study from now on.</param>
/// <param name="Revision">1, or more where other content came under the same identity.</param>
/// <param name="AlreadyReceived">The same content and request had been received before.</param>
/// <param name="Completed">Its report exists already.</param>
internal sealed record SubmittedStudy(
    string StudyId,
    int Revision,
    bool AlreadyReceived,
    bool Completed
)
{
    public static SubmittedStudy Of(IntakeResult result) =>
        new(result.Study.StudyId, result.Study.Revision, result.AlreadyReceived, result.Completed);
}
