using Grpc.Core;
using Platform.Contracts.Grpc;
using Platform.Hosting;

namespace Platform.Ingest;

/// <summary>Studies.Submit: a header, then chunks. Derives from the generated service, so a host that also watches can delegate to it.</summary>
public sealed class StudyIntakeGrpcService(StudyIntake intake) : Studies.StudiesBase
{
    /// <inheritdoc/>
    public override async Task<SubmitReply> Submit(
        IAsyncStreamReader<SubmitRequest> requestStream,
        ServerCallContext context
    )
    {
        try
        {
            using var upload = intake.OpenUpload(context.GetHttpContext().User.Tenant());
            var submission = await ReadAsync(requestStream, upload, context);
            var result = await intake.SubmitAsync(submission, upload, context.CancellationToken);
            return new SubmitReply
            {
                StudyId = result.Study.StudyId,
                Revision = result.Study.Revision,
                AlreadyReceived = result.AlreadyReceived,
            };
        }
        catch (SubmissionRefusedException e)
        {
            throw new RpcException(
                new Status(
                    e.Kind == RefusalKind.TooLarge
                        ? StatusCode.ResourceExhausted
                        : StatusCode.InvalidArgument,
                    $"{e.Kind}: {e.Field}: {e.Message}"
                )
            );
        }
        catch (IntakeUnavailableException)
        {
            throw new RpcException(
                new Status(StatusCode.Unavailable, "the study cannot be stored now: send it again")
            );
        }
    }

    private async Task<StudySubmission> ReadAsync(
        IAsyncStreamReader<SubmitRequest> requests,
        StudyUpload upload,
        ServerCallContext context
    )
    {
        if (
            !await requests.MoveNext(context.CancellationToken)
            || requests.Current.PartCase != SubmitRequest.PartOneofCase.Header
        )
        {
            throw Invalid("header", "the first message must be the header");
        }
        var header = requests.Current.Header;
        var submission = intake.Check(
            new StudySubmission
            {
                Tenant = context.GetHttpContext().User.Tenant(),
                Source = "grpc",
                Site = header.Site,
                Reference = header.Reference,
                Priority = SubmissionFields.Priority(header.Priority),
                Models = SubmissionFields.Models(header.Models),
            }
        );
        var file = -1;
        while (await requests.MoveNext(context.CancellationToken))
        {
            if (requests.Current.PartCase != SubmitRequest.PartOneofCase.Chunk)
            {
                throw Invalid("header", "only the first message is the header");
            }
            var chunk = requests.Current.Chunk;
            if (chunk.File == file + 1)
            {
                await upload.StartFileAsync(context.CancellationToken);
                file++;
            }
            else if (chunk.File != file || file < 0)
            {
                throw Invalid("file", $"chunk of file {chunk.File} after file {file}");
            }
            await upload.WriteAsync(chunk.Data.Memory, context.CancellationToken);
        }
        return submission;
    }

    private static SubmissionRefusedException Invalid(string field, string message) =>
        new(RefusalKind.Invalid, field, null, message);
}
