using System.Runtime.InteropServices;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Platform.Contracts;
using Platform.Contracts.OpenInference;
using Platform.Hosting;
using Platform.Serving;

namespace Platform.Segmentation.Tests;

/// <summary>A client generated from the public protocol, against the service on Kestrel.</summary>
public sealed class OpenInferenceTests
{
    private static readonly float[] Values = [.. Enumerable.Range(0, 64).Select(n => n / 64f)];

    [Fact]
    public async Task Live_and_ready_need_no_key_and_everything_else_does()
    {
        await using var host = await ModelHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(host.GrpcAddress);
        var client = new GRPCInferenceService.GRPCInferenceServiceClient(channel);
        Assert.True((await client.ServerLiveAsync(new())).Live);
        Assert.True((await client.ServerReadyAsync(new())).Ready);
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
            await client.ModelInferAsync(Raw("tiny"))
        );
        Assert.Equal(StatusCode.Unauthenticated, e.StatusCode);
    }

    [Fact]
    public async Task Models_tell_what_they_take_and_give()
    {
        await using var host = await ModelHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(host.GrpcAddress);
        var client = new GRPCInferenceService.GRPCInferenceServiceClient(channel);
        Assert.True((await client.ModelReadyAsync(new() { Name = "tiny" }, Headers)).Ready);
        Assert.True((await client.ModelReadyAsync(new() { Name = "tiny-sr" }, Headers)).Ready);
        Assert.False((await client.ModelReadyAsync(new() { Name = "huge" }, Headers)).Ready);
        var metadata = await client.ModelMetadataAsync(new() { Name = "tiny" }, Headers);
        Assert.Equal(("tiny", "1.0.0"), (metadata.Name, metadata.Versions.Single()));
        Assert.Equal([1L, 1, -1, -1, -1], metadata.Inputs.Single().Shape);
        Assert.Equal([1L, 2, -1, -1, -1], metadata.Outputs.Single().Shape);
        Assert.Equal("platform", (await client.ServerMetadataAsync(new(), Headers)).Name);
    }

    [Fact]
    public async Task Raw_and_typed_inputs_give_the_networks_output_alike()
    {
        await using var host = await ModelHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(host.GrpcAddress);
        var client = new GRPCInferenceService.GRPCInferenceServiceClient(channel);
        var raw = await client.ModelInferAsync(Raw("tiny", id: "call-1"), Headers);
        Assert.Equal(("tiny", "1.0.0", "call-1"), (raw.ModelName, raw.ModelVersion, raw.Id));
        Assert.Equal([1L, 2, 4, 4, 4], raw.Outputs.Single().Shape);
        // The network is (0.5 − x, x − 0.5).
        var values = MemoryMarshal.Cast<byte, float>(raw.RawOutputContents.Single().Span).ToArray();
        Assert.Equal(0.5f, values[0], 1e-6f);
        Assert.Equal(63 / 64f - 0.5f, values[127], 1e-6f);

        var request = Raw("tiny", version: "1.0.0");
        request.RawInputContents.Clear();
        request.Inputs[0].Contents = new InferTensorContents();
        request.Inputs[0].Contents.Fp32Contents.AddRange(Values);
        var typed = await client.ModelInferAsync(request, Headers);
        Assert.Equal(values, typed.Outputs.Single().Contents.Fp32Contents);
    }

    [Fact]
    public async Task What_the_model_does_not_take_is_an_invalid_argument()
    {
        await using var host = await ModelHost.StartAsync();
        using var channel = GrpcChannel.ForAddress(host.GrpcAddress);
        var client = new GRPCInferenceService.GRPCInferenceServiceClient(channel);
        await RefusedAsync(StatusCode.NotFound, Raw("huge"));
        await RefusedAsync(StatusCode.NotFound, Raw("tiny", version: "2.0.0"));
        await RefusedAsync(StatusCode.InvalidArgument, Changed(r => r.Inputs[0].Name = "image"));
        await RefusedAsync(StatusCode.InvalidArgument, Changed(r => r.Inputs[0].Datatype = "INT8"));
        await RefusedAsync(StatusCode.InvalidArgument, Changed(r => r.Inputs[0].Shape[1] = 2));
        await RefusedAsync(StatusCode.InvalidArgument, Changed(r => r.Inputs[0].Shape[2] = 5));
        await RefusedAsync(StatusCode.InvalidArgument, Changed(r => r.Inputs[0].Shape[2] = 0));
        await RefusedAsync(StatusCode.InvalidArgument, Changed(r => r.RawInputContents.Clear()));
        await RefusedAsync(StatusCode.InvalidArgument, Changed(r => r.Inputs.Clear()));

        async Task RefusedAsync(StatusCode status, ModelInferRequest request)
        {
            var e = await Assert.ThrowsAsync<RpcException>(async () =>
                await client.ModelInferAsync(request, Headers)
            );
            Assert.Equal(status, e.StatusCode);
        }

        static ModelInferRequest Changed(Action<ModelInferRequest> change)
        {
            var request = Raw("tiny");
            change(request);
            return request;
        }
    }

    [Fact]
    public async Task One_call_more_than_may_wait_is_refused_as_exhausted()
    {
        await using var host = await ModelHost.StartAsync(new() { ["Inference:MaxPending"] = "1" });
        using var channel = GrpcChannel.ForAddress(host.GrpcAddress);
        var client = new GRPCInferenceService.GRPCInferenceServiceClient(channel);
        using var release = new ManualResetEventSlim();
        var model = host.Service<ModelPool>().Find("tiny", "")!;
        var running = host.Service<InferenceGate>()
            .RunAsync(model, StudyPriority.Routine, () => release.Wait(60_000), default);
        var calls = Enumerable
            .Range(0, 3)
            .Select(_ => client.ModelInferAsync(Raw("tiny"), Headers).ResponseAsync)
            .ToList();
        for (var refused = 0; refused < 2; refused++)
        {
            var first = await Task.WhenAny(calls);
            calls.Remove(first);
            var e = await Assert.ThrowsAsync<RpcException>(() => first);
            Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        }
        release.Set();
        Assert.True(await running);
        Assert.Single((await calls[0]).Outputs);
    }

    [Fact]
    public async Task An_emergency_runs_before_what_waits_already()
    {
        await using var host = await ModelHost.StartAsync();
        var gate = host.Service<InferenceGate>();
        var model = host.Service<ModelPool>().Find("tiny", "")!;
        using var release = new ManualResetEventSlim();
        var order = new List<string>();
        var running = gate.RunAsync(
            model,
            StudyPriority.Routine,
            () => release.Wait(60_000),
            default
        );
        using var impatient = new CancellationTokenSource();
        var cancelled = Run("cancelled", StudyPriority.Stat, impatient.Token);
        Task<int>[] waiting =
        [
            Run("first", StudyPriority.Routine, default),
            Run("second", StudyPriority.Routine, default),
            Run("emergency", StudyPriority.Stat, default),
        ];
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        release.Set();
        await running;
        await Task.WhenAll(waiting);
        Assert.Equal(["emergency", "first", "second"], order);

        Task<int> Run(string name, StudyPriority priority, CancellationToken token) =>
            gate.RunAsync(
                model,
                priority,
                () =>
                {
                    order.Add(name);
                    return order.Count;
                },
                token
            );
    }

    private static Metadata Headers => new() { { ApiKeys.Header, ModelHost.Key } };

    private static ModelInferRequest Raw(string model, string version = "", string id = "") =>
        new()
        {
            ModelName = model,
            ModelVersion = version,
            Id = id,
            Inputs =
            {
                new ModelInferRequest.Types.InferInputTensor
                {
                    Name = "input",
                    Datatype = "FP32",
                    Shape = { 1, 1, 4, 4, 4 },
                },
            },
            RawInputContents = { ByteString.CopyFrom(MemoryMarshal.AsBytes<float>(Values)) },
        };
}
