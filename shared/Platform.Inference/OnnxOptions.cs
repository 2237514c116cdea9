namespace Platform.Inference;

/// <summary>Where networks run.</summary>
public enum ComputeDevice
{
    /// <summary>CUDA where the build and the machine have it, else the CPU; what ran is recorded.</summary>
    Auto,

    /// <summary>The CPU.</summary>
    Cpu,

    /// <summary>CUDA, or an error.</summary>
    Cuda,
}

/// <summary>How a network is run.</summary>
public sealed record OnnxOptions
{
    /// <summary>Where; default <see cref="ComputeDevice.Auto"/>.</summary>
    public ComputeDevice Device { get; init; } = ComputeDevice.Auto;

    /// <summary>CPU threads of one run; default 0: one a core. The result does not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Cap of the CUDA arena in bytes; default 0: no cap.</summary>
    public long GpuMemoryBytes { get; init; }
}
