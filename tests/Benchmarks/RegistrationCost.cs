using System.Diagnostics;
using Platform.Imaging;
using Platform.Imaging.Registration;
using Platform.Qc;

namespace Platform.Benchmarks;

/// <summary>How near registrations come to the machine's arithmetic peak, on one core.</summary>
static class RegistrationCost
{
    /// <param name="table">Gets the rows.</param>
    /// <param name="name">What they begin with.</param>
    /// <param name="set">Registered one after the other.</param>
    /// <param name="image">With this image.</param>
    public static void Add(BenchTable table, string name, ReferenceSet set, Volume<float> image)
    {
        var moving = MovingImage.Prepare(image, set.Registration);
        var work = new RegistrationWorkspace();
        ImageRegistration.Register(set.References[0].Image, moving, work);
        var (before, started) = (work.ConvolutionFlop, Stopwatch.GetTimestamp());
        foreach (var reference in set.References)
        {
            ImageRegistration.Register(reference.Image, moving, work);
        }
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds / set.References.Count;
        var gflop = (work.ConvolutionFlop - before) / 1e9 / set.References.Count;
        table.Add($"{name}: a registration on one core", 1000 * seconds, "ms");
        table.Add($"{name}: its convolutions, a floor of what it computes", gflop, "GFLOP");
        table.Add(
            $"{name}: rate of these alone over the whole time",
            gflop / seconds,
            "GFLOP/s",
            MachinePeak.Gflops(1),
            "measured FMA peak of one core"
        );
    }
}
