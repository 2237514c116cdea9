using System.ComponentModel.DataAnnotations;

namespace Platform.Training;

/// <summary>Section "Training", of the service.</summary>
public sealed class TrainingOptions
{
    /// <summary>Threads of the network that is trained; 0 takes as many as there are cores. Default 0.</summary>
    [Range(0, 256)]
    public int Threads { get; init; }

    /// <summary>Steps a network is trained: its time, whatever the image. Default 150.</summary>
    [Range(1, 10_000)]
    public int Steps { get; init; } = 150;
}
