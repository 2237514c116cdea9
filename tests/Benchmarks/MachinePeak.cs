using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Platform.Benchmarks;

/// <summary>What this machine can compute at most, measured.</summary>
internal static class MachinePeak
{
    /// <summary>GFLOP/s of independent fused multiply–adds in registers on each core; 0 where the CPU has none.</summary>
    public static double Gflops(int threads)
    {
        if (!Fma.IsSupported)
        {
            return 0;
        }
        const int steps = 60_000_000;
        _ = Multiply(1_000_000);
        var start = Stopwatch.GetTimestamp();
        Parallel.For(0, threads, new() { MaxDegreeOfParallelism = threads }, _ => Multiply(steps));
        // Ten chains of eight lanes, two operations each.
        return 10.0 * 8 * 2 * steps * threads / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }

    private static float Multiply(int steps)
    {
        var (m, c) = (Vector256.Create(0.999f), Vector256.Create(0.001f));
        var (r0, r1, r2, r3, r4) = (c, c, c, c, c);
        var (r5, r6, r7, r8, r9) = (c, c, c, c, c);
        for (var n = 0; n < steps; n++)
        {
            r0 = Fma.MultiplyAdd(r0, m, c);
            r1 = Fma.MultiplyAdd(r1, m, c);
            r2 = Fma.MultiplyAdd(r2, m, c);
            r3 = Fma.MultiplyAdd(r3, m, c);
            r4 = Fma.MultiplyAdd(r4, m, c);
            r5 = Fma.MultiplyAdd(r5, m, c);
            r6 = Fma.MultiplyAdd(r6, m, c);
            r7 = Fma.MultiplyAdd(r7, m, c);
            r8 = Fma.MultiplyAdd(r8, m, c);
            r9 = Fma.MultiplyAdd(r9, m, c);
        }
        return Vector256.Sum(r0 + r1 + r2 + r3 + r4 + r5 + r6 + r7 + r8 + r9);
    }
}
