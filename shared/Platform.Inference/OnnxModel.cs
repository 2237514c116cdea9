using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Platform.Inference;

/// <summary>Reads a network's output where ONNX Runtime left it: valid during the call only.</summary>
/// <param name="values">Row-major, the last axis fastest.</param>
/// <param name="shape">Its axes.</param>
public delegate void TensorReader(ReadOnlySpan<float> values, ReadOnlySpan<long> shape);

/// <summary>
/// A network in memory, ready to run. One float32 input N×C×K×J×I, one float32 output of five axes whose K axis may be
/// <see cref="DepthFactor"/> times the input's, and which has 1×1×1 voxels where the task is quality regression. Safe to call from several threads; each call uses all the threads it was given.
/// </summary>
public sealed partial class OnnxModel : IDisposable
{
    /// <summary>
    /// ONNX Runtime's official Linux builds since 1.29 send telemetry to Microsoft (names and hashes of models among it) unless this is in the
    /// native environment before the library is first used. .NET's own SetEnvironmentVariable does not reach that environment.
    /// </summary>
    private const string DisableTelemetry = "ORT_DISABLE_TELEMETRY";

    private readonly InferenceSession _session;

    static OnnxModel()
    {
        if (!OperatingSystem.IsWindows() && SetEnvironment(DisableTelemetry, "1", 1) != 0)
        {
            throw new InvalidOperationException($"cannot set {DisableTelemetry}=1");
        }
    }

    /// <summary>Loads the network and runs it once on its smallest tile, so that what it cannot do shows now.</summary>
    /// <exception cref="ModelPackageException">The network cannot be loaded or does not give what the manifest promises.</exception>
    /// <exception cref="InvalidOperationException">CUDA was asked for and this build or machine has none.</exception>
    public OnnxModel(ModelPackage package, OnnxOptions? options = null)
    {
        Manifest = package.Manifest;
        (_session, ExecutionProvider) = Open(package, options ?? new OnnxOptions());
        try
        {
            (InputName, OutputName) = CheckSignature();
            (OutputChannels, Context) = Probe();
        }
        catch
        {
            _session.Dispose();
            throw;
        }
    }

    /// <summary>What the network is.</summary>
    public ModelManifest Manifest { get; }

    /// <summary>What runs it: "cpu" or "cuda".</summary>
    public string ExecutionProvider { get; }

    /// <summary>The input's name.</summary>
    public string InputName { get; }

    /// <summary>The output's name.</summary>
    public string OutputName { get; }

    /// <summary>The input's axes; −1 where the size is free.</summary>
    public IReadOnlyList<long> InputShape => Shape(_session.InputMetadata[InputName]);

    /// <summary>The output's axes; −1 where the size is free.</summary>
    public IReadOnlyList<long> OutputShape => Shape(_session.OutputMetadata[OutputName]);

    /// <summary>Channels of the output.</summary>
    public int OutputChannels { get; }

    /// <summary>How many times longer the output's K axis is than the input's.</summary>
    public int DepthFactor => Manifest.SuperResolution?.Factor ?? 1;

    /// <summary>Voxels the network itself takes off each side: 0 where its convolutions pad, the halo where they do not.</summary>
    internal int Context { get; }

    /// <summary>Runs the network.</summary>
    /// <param name="input">N·C·K·J·I values, I fastest; may be longer. Pinned during the call, not copied.</param>
    /// <param name="shape">N, C, K, J, I.</param>
    /// <param name="read">Receives the output in place.</param>
    /// <param name="cancellationToken">Stops the run within one operator.</param>
    /// <exception cref="InferenceException">The network refuses the shape, or fails.</exception>
    public void Run(
        float[] input,
        long[] shape,
        TensorReader read,
        CancellationToken cancellationToken = default
    )
    {
        var length = 1L;
        foreach (var n in shape)
        {
            length = checked(length * n);
        }
        if (length < 1 || length > input.Length)
        {
            throw new ArgumentException(
                $"{input.Length} values for shape {string.Join("×", shape)}",
                nameof(shape)
            );
        }
        cancellationToken.ThrowIfCancellationRequested();
        using var run = new RunOptions();
        // The arena is returned after each run: shapes differ between volumes, and a kept arena only grows.
        run.AddRunConfigEntry(
            "memory.enable_memory_arena_shrinkage",
            ExecutionProvider == "cuda" ? "cpu:0;gpu:0" : "cpu:0"
        );
        using var stop = cancellationToken.Register(() => run.Terminate = true);
        using var tensor = OrtValue.CreateTensorValueFromMemory(
            OrtMemoryInfo.DefaultInstance,
            input.AsMemory(0, (int)length),
            shape
        );
        try
        {
            using var outputs = _session.Run(run, [InputName], [tensor], [OutputName]);
            var output = outputs[0];
            read(output.GetTensorDataAsSpan<float>(), output.GetTensorTypeAndShape().Shape);
        }
        catch (OnnxRuntimeException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OnnxRuntimeException e)
        {
            throw new InferenceException(
                $"model {Manifest.Id} does not run on {string.Join("×", shape)}: {e.Message}",
                e
            );
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private static (InferenceSession Session, string Provider) Open(
        ModelPackage package,
        OnnxOptions options
    )
    {
        // PREFER_GPU runs on the CPU without a word: ask what this build has, and say what was taken.
        var cuda = OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider");
        if (options.Device == ComputeDevice.Cuda && !cuda)
        {
            throw new InvalidOperationException(
                "CUDA was asked for, and this build's ONNX Runtime has none: build with -p:OrtFlavor=gpu"
            );
        }
        if (options.Device != ComputeDevice.Cpu && cuda)
        {
            try
            {
                return (Open(package, options, cuda: true), "cuda");
            }
            catch (OnnxRuntimeException e) when (options.Device == ComputeDevice.Cuda)
            {
                throw new InvalidOperationException(
                    "CUDA was asked for and could not be started",
                    e
                );
            }
            catch (OnnxRuntimeException)
            {
                // Auto: no driver, or no device. The CPU runs it, and ExecutionProvider says so.
            }
        }
        try
        {
            return (Open(package, options, cuda: false), "cpu");
        }
        catch (OnnxRuntimeException e)
        {
            throw Invalid(package.Manifest, $"cannot be loaded: {e.Message}", e);
        }
    }

    private static InferenceSession Open(ModelPackage package, OnnxOptions options, bool cuda)
    {
        using var session = new SessionOptions
        {
            IntraOpNumThreads = options.Threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            // A pattern is kept for every input shape seen; tiles are fitted to volumes, so there is no end of shapes.
            EnableMemoryPattern = false,
            // Errors are thrown.
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
        };
        // Threads that wait for work sleep: a core belongs to whoever has something to do.
        session.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        if (cuda)
        {
            using var provider = new OrtCUDAProviderOptions();
            var settings = new Dictionary<string, string>
            {
                ["device_id"] = "0",
                ["arena_extend_strategy"] = "kSameAsRequested",
            };
            if (options.GpuMemoryBytes > 0)
            {
                settings["gpu_mem_limit"] = options.GpuMemoryBytes.ToString(
                    CultureInfo.InvariantCulture
                );
            }
            provider.UpdateOptions(settings);
            session.AppendExecutionProvider_CUDA(provider);
        }
        return new InferenceSession(package.Onnx, session);
    }

    private (string Input, string Output) CheckSignature()
    {
        if (_session.InputMetadata.Count != 1 || _session.OutputMetadata.Count != 1)
        {
            throw Invalid(
                Manifest,
                $"has {_session.InputMetadata.Count} inputs and {_session.OutputMetadata.Count} outputs, one of each is needed"
            );
        }
        var (input, output) = (_session.InputMetadata.First(), _session.OutputMetadata.First());
        foreach (var (name, tensor) in new[] { input, output })
        {
            if (tensor.ElementDataType != TensorElementType.Float || tensor.Dimensions.Length != 5)
            {
                throw Invalid(
                    Manifest,
                    $"'{name}' is {tensor.ElementDataType} of {tensor.Dimensions.Length} axes, float of 5 is needed"
                );
            }
        }
        return (input.Key, output.Key);
    }

    /// <summary>
    /// Runs the smallest tile: of one multiple, which a network that pads takes, else one that holds a halo on both sides.
    /// </summary>
    private (int Channels, int Context) Probe()
    {
        var (multiple, halo) = (Manifest.Tiling.Multiple, Manifest.Tiling.Halo);
        if (Manifest.Task == ModelTask.QualityRegression)
        {
            return (ProbeRegression(multiple), 0);
        }
        var whole = (2 * halo / multiple + 1) * multiple;
        var (size, given) = (multiple, TryShape(multiple, out _));
        if (given is null || !Fits(given, size))
        {
            (size, given) = (whole, TryShape(whole, out var e));
            if (given is null)
            {
                throw Invalid(Manifest, $"does not take a {whole}³ tile: {e!.Message}", e);
            }
        }
        foreach (var context in new[] { 0, halo })
        {
            if (Fits(given, size - 2 * context))
            {
                CheckChannels((int)given[1]);
                return ((int)given[1], context);
            }
        }
        throw Invalid(
            Manifest,
            $"makes {string.Join("×", given)} of a {size}³ tile with a halo of {halo}"
        );
    }

    /// <summary>One number a label, whatever the size of the tile.</summary>
    private int ProbeRegression(int size)
    {
        var given =
            TryShape(size, out var e)
            ?? throw Invalid(Manifest, $"does not take a {size}³ tile: {e!.Message}", e);
        long[] wanted = [1, Manifest.Labels.Max(label => label.Channel), 1, 1, 1];
        return given.SequenceEqual(wanted)
            ? (int)given[1]
            : throw Invalid(
                Manifest,
                $"makes {string.Join("×", given)} of a {size}³ tile, model.json needs {string.Join("×", wanted)}"
            );
    }

    private bool Fits(long[] shape, int side) =>
        shape[2] == DepthFactor * side && shape[3] == side && shape[4] == side;

    /// <summary>The output's shape for a tile of zeros, or null where the network does not take one of that size.</summary>
    private long[]? TryShape(int size, out InferenceException? refused)
    {
        var channels = Manifest.Input.Channels.Count;
        long[] given = [];
        refused = null;
        try
        {
            Run(
                new float[channels * size * size * size],
                [1, channels, size, size, size],
                (_, shape) => given = shape.ToArray()
            );
            return given;
        }
        catch (InferenceException e)
        {
            refused = e;
            return null;
        }
    }

    private void CheckChannels(int channels)
    {
        var needed =
            Manifest.Task == ModelTask.Segmentation ? Manifest.Labels.Max(l => l.Channel) + 1 : 1;
        // Of super-resolution the second is how far off it expects to be.
        if (channels < needed || (Manifest.Task == ModelTask.SuperResolution && channels > 2))
        {
            var most = Manifest.Task == ModelTask.SuperResolution ? " or 2" : "";
            throw Invalid(
                Manifest,
                $"has {channels} output channels, model.json needs {needed}{most}"
            );
        }
    }

    private static long[] Shape(NodeMetadata tensor) => [.. tensor.Dimensions.Select(n => (long)n)];

    private static ModelPackageException Invalid(
        ModelManifest manifest,
        string what,
        Exception? inner = null
    ) => new(ModelPackageFault.InvalidNetwork, $"model {manifest.Id}: the network {what}", inner);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
