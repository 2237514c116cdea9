namespace Platform.Services.Tests;

/// <summary>Tests that weigh or count the memory of the whole process: they run while no other test does.</summary>
[CollectionDefinition(nameof(ProcessMemory), DisableParallelization = true)]
public sealed class ProcessMemory;
