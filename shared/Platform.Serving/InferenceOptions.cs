using System.ComponentModel.DataAnnotations;
using Platform.Inference;

namespace Platform.Serving;

/// <summary>Section "Inference": how the process runs its networks.</summary>
public sealed class InferenceOptions
{
    /// <summary>Auto, Cpu or Cuda. Auto takes CUDA where build and machine have it; provenance says what ran.</summary>
    public ComputeDevice Device { get; init; } = ComputeDevice.Auto;

    /// <summary>CPU threads of one run; 0: one a core.</summary>
    [Range(0, 1024)]
    public int Threads { get; init; }

    /// <summary>Cap of the CUDA arena in MiB; 0: no cap.</summary>
    [Range(0, int.MaxValue)]
    public int GpuMemoryMiB { get; init; }

    /// <summary>gRPC calls that may wait for the network; one more is refused with RESOURCE_EXHAUSTED.</summary>
    [Range(0, 10_000)]
    public int MaxPending { get; init; } = 16;
}
