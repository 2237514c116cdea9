using System.Runtime.InteropServices;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Platform.Contracts.OpenInference;
using Platform.Inference;

namespace Platform.Serving;

/// <summary>
/// Open Inference Protocol v2 over the networks of this process: Triton and KServe clients work unchanged. It runs the network
/// as it is (float32 in, float32 out); resampling, normalisation and tiles belong to the study flow.
/// </summary>
internal sealed class OpenInferenceService(
    ModelPool pool,
    InferenceGate gate,
    IHostApplicationLifetime lifetime,
    IOptions<InferenceOptions> options
) : GRPCInferenceService.GRPCInferenceServiceBase
{
    private const string Fp32 = "FP32";

    [AllowAnonymous]
    public override Task<ServerLiveResponse> ServerLive(
        ServerLiveRequest request,
        ServerCallContext context
    ) => Task.FromResult(new ServerLiveResponse { Live = true });

    [AllowAnonymous]
    public override Task<ServerReadyResponse> ServerReady(
        ServerReadyRequest request,
        ServerCallContext context
    ) =>
        Task.FromResult(
            new ServerReadyResponse
            {
                Ready =
                    lifetime.ApplicationStarted.IsCancellationRequested
                    && !lifetime.ApplicationStopping.IsCancellationRequested,
            }
        );

    public override Task<ModelReadyResponse> ModelReady(
        ModelReadyRequest request,
        ServerCallContext context
    ) =>
        Task.FromResult(
            new ModelReadyResponse { Ready = pool.Find(request.Name, request.Version) is not null }
        );

    public override Task<ServerMetadataResponse> ServerMetadata(
        ServerMetadataRequest request,
        ServerCallContext context
    ) =>
        Task.FromResult(
            new ServerMetadataResponse
            {
                Name = "platform",
                Version = typeof(OpenInferenceService).Assembly.GetName().Version!.ToString(3),
            }
        );

    public override Task<ModelMetadataResponse> ModelMetadata(
        ModelMetadataRequest request,
        ServerCallContext context
    )
    {
        var model = Find(request.Name, request.Version);
        return Task.FromResult(
            new ModelMetadataResponse
            {
                Name = model.Manifest.Name,
                Versions = { model.Manifest.Version },
                Platform = "onnxruntime_onnx",
                Inputs = { Describe(model.InputName, model.InputShape) },
                Outputs = { Describe(model.OutputName, model.OutputShape) },
            }
        );
    }

    public override async Task<ModelInferResponse> ModelInfer(
        ModelInferRequest request,
        ServerCallContext context
    )
    {
        var model = Find(request.ModelName, request.ModelVersion);
        var (input, shape, raw) = ReadInput(request, model);
        try
        {
            return await gate.RunAsync(
                model,
                Priority(request),
                () => Infer(model, request.Id, input, shape, raw, context.CancellationToken),
                context.CancellationToken,
                options.Value.MaxPending
            );
        }
        catch (InferenceBusyException e)
        {
            throw new RpcException(new Status(StatusCode.ResourceExhausted, e.Message));
        }
        catch (InferenceException e)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, e.Message));
        }
    }

    private static ModelInferResponse Infer(
        OnnxModel model,
        string id,
        float[] input,
        long[] shape,
        bool raw,
        CancellationToken cancellationToken
    )
    {
        var response = new ModelInferResponse
        {
            ModelName = model.Manifest.Name,
            ModelVersion = model.Manifest.Version,
            Id = id,
        };
        model.Run(
            input,
            shape,
            (values, given) =>
            {
                var output = new ModelInferResponse.Types.InferOutputTensor
                {
                    Name = model.OutputName,
                    Datatype = Fp32,
                };
                output.Shape.AddRange(given.ToArray());
                if (raw)
                {
                    response.RawOutputContents.Add(
                        ByteString.CopyFrom(MemoryMarshal.AsBytes(values))
                    );
                }
                else
                {
                    output.Contents = new InferTensorContents();
                    output.Contents.Fp32Contents.AddRange(values.ToArray());
                }
                response.Outputs.Add(output);
            },
            cancellationToken
        );
        return response;
    }

    private static (float[] Values, long[] Shape, bool Raw) ReadInput(
        ModelInferRequest request,
        OnnxModel model
    )
    {
        if (request.Inputs is not [var input] || input.Name != model.InputName)
        {
            throw Invalid($"one input is needed, '{model.InputName}'");
        }
        if (input.Datatype != Fp32)
        {
            throw Invalid($"input '{input.Name}' is {input.Datatype}, {Fp32} is needed");
        }
        if (request.Outputs.Any(output => output.Name != model.OutputName))
        {
            throw Invalid($"the one output is '{model.OutputName}'");
        }
        long[] shape = [.. input.Shape];
        if (
            shape.Length != model.InputShape.Count
            || shape
                .Zip(model.InputShape)
                .Any(n => n.First < 1 || n.Second >= 0 && n.First != n.Second)
        )
        {
            throw Invalid(
                $"shape {string.Join("×", shape)}: the model takes {string.Join("×", model.InputShape)}, -1 for any size"
            );
        }
        var raw = request.RawInputContents.Count > 0;
        if (raw && (request.RawInputContents.Count != 1 || input.Contents is not null))
        {
            throw Invalid("give either contents or one raw_input_contents");
        }
        float[] values = raw
            ? MemoryMarshal.Cast<byte, float>(request.RawInputContents[0].Span).ToArray()
            : [.. input.Contents?.Fp32Contents ?? []];
        var expected = shape.Aggregate(1.0, (product, n) => product * n);
        return values.Length == expected
            ? (values, shape, raw)
            : throw Invalid($"{values.Length} values for shape {string.Join("×", shape)}");
    }

    /// <summary>The parameter "priority" as in Triton: 1 is the highest, an emergency.</summary>
    private static StudyPriority Priority(ModelInferRequest request) =>
        request.Parameters.TryGetValue("priority", out var p)
        && (p.Int64Param == 1 || p.Uint64Param == 1)
            ? StudyPriority.Stat
            : StudyPriority.Routine;

    private OnnxModel Find(string name, string version) =>
        pool.Find(name, version)
        ?? throw new RpcException(
            new Status(
                StatusCode.NotFound,
                $"model '{name}'{(version is "" ? "" : $" version '{version}'")} is not served here"
            )
        );

    private static ModelMetadataResponse.Types.TensorMetadata Describe(
        string name,
        IReadOnlyList<long> shape
    )
    {
        var tensor = new ModelMetadataResponse.Types.TensorMetadata
        {
            Name = name,
            Datatype = Fp32,
        };
        tensor.Shape.AddRange(shape);
        return tensor;
    }

    private static RpcException Invalid(string what) =>
        new(new Status(StatusCode.InvalidArgument, what));
}
