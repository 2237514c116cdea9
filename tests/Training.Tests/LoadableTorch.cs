using System.Runtime.CompilerServices;
using Platform.Training;

namespace Training.Tests;

/// <summary>Makes libtorch loadable before any test runs: one that touches torch before a type of the training would load it as it was packaged.</summary>
internal static class LoadableTorch
{
    [ModuleInitializer]
    internal static void Prepare() => NativeTorch.Prepare();
}
