using System.Numerics;
using System.Runtime.Intrinsics;

namespace Platform.Imaging.RandomFields;

/// <summary>Four numbers that are filtered as one, because what a filter waits for is memory.</summary>
internal readonly record struct Four(Vector128<float> Values)
    : IAdditionOperators<Four, Four, Four>,
        IMultiplyOperators<Four, float, Four>
{
    public static Four operator +(Four a, Four b) => new(a.Values + b.Values);

    public static Four operator *(Four a, float b) => new(a.Values * b);
}
