using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Platform.Contracts;
using Platform.Contracts.Grpc;
using Platform.Hosting;

namespace Platform.Ingest.Tests;

public sealed class StudySubmitGrpcTests
{
    [Fact]
    public async Task A_study_sent_in_chunks_is_the_study_sent_as_a_form()
    {
        await using var host = await IntakeHost.StartAsync();
        var uploaded = await host.SubmitAsync([Scans.Head(1), Scans.Head(2)], "reference=r");
        var reply = await SubmitAsync(
            host,
            new SubmitHeader { Reference = "r" },
            [Scans.Head(1), Scans.Head(2)]
        );
        Assert.Equal(uploaded.StudyId, reply.StudyId);
        Assert.True(reply.AlreadyReceived);
        var other = await SubmitAsync(
            host,
            new SubmitHeader { Reference = "r", Priority = "stat" },
            [Scans.Head(3)]
        );
        Assert.Equal(
            (uploaded.StudyId, 2, false),
            (other.StudyId, other.Revision, other.AlreadyReceived)
        );
        var messages = await host.Messages.WaitAsync<StudyReceived>(3);
        Assert.Equal(StudyPriority.Stat, messages[^1].Study.Priority);
    }

    [Fact]
    public async Task Refusals_have_their_status_codes()
    {
        await using var host = await IntakeHost.StartAsync(
            new() { ["Ingest:MaxStudyBytes"] = "50000" }
        );
        await ExpectAsync(
            StatusCode.InvalidArgument,
            "site",
            new() { Site = "moon" },
            Scans.Head()
        );
        await ExpectAsync(
            StatusCode.InvalidArgument,
            "priority",
            new() { Priority = "soon" },
            Scans.Head()
        );
        await ExpectAsync(StatusCode.InvalidArgument, "EmptyStudy", new());
        await ExpectAsync(StatusCode.InvalidArgument, "header", null, Scans.Head());
        await ExpectAsync(
            StatusCode.ResourceExhausted,
            "Ingest:MaxStudyBytes",
            new(),
            Scans.Head(1),
            Scans.Head(2)
        );
        await ExpectWithKeyAsync("nobody's", StatusCode.Unauthenticated, "key", new(), []);
        Assert.Empty(await host.BlobNamesAsync());
        await File.WriteAllTextAsync(host.Folder[IntakeHost.Tenant], "in the way");
        await ExpectAsync(StatusCode.Unavailable, "again", new(), Scans.Head());

        async Task ExpectAsync(
            StatusCode status,
            string says,
            SubmitHeader? header,
            params byte[][] files
        ) => await ExpectWithKeyAsync(IntakeHost.Key, status, says, header, files);

        async Task ExpectWithKeyAsync(
            string key,
            StatusCode status,
            string says,
            SubmitHeader? header,
            byte[][] files
        )
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() =>
                SubmitAsync(host, header, files, key)
            );
            Assert.Equal(status, refused.StatusCode);
            Assert.Contains(says, refused.Status.Detail);
        }
    }

    private static async Task<SubmitReply> SubmitAsync(
        IntakeHost host,
        SubmitHeader? header,
        byte[][] files,
        string key = IntakeHost.Key
    )
    {
        using var channel = GrpcChannel.ForAddress(host.GrpcAddress);
        using var call = new Studies.StudiesClient(channel).Submit(
            new Metadata { { ApiKeys.Header, key } }
        );
        try
        {
            if (header is not null)
            {
                await call.RequestStream.WriteAsync(new SubmitRequest { Header = header });
            }
            foreach (var (n, file) in files.Index())
            {
                foreach (var chunk in file.Chunk(10_000))
                {
                    await call.RequestStream.WriteAsync(
                        new SubmitRequest
                        {
                            Chunk = new FileChunk
                            {
                                File = n,
                                Data = UnsafeByteOperations.UnsafeWrap(chunk),
                            },
                        }
                    );
                }
            }
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The server has answered before the last chunk; the reply says why.
        }
        return await call.ResponseAsync;
    }
}
