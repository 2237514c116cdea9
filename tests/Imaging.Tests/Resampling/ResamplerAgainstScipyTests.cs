using System.Text.Json;

namespace Platform.Imaging.Tests;

public class ResamplerAgainstScipyTests
{
    private static readonly VolumeGeometry Source = new(
        (23, 19, 17),
        [1.2, 0, 0, -10, 0, 1.5, 0, 8, 0, 0, 2, -20]
    );

    /// <summary>Target grids: finer and coarser, shifted beyond the edges, permuted and flipped, oblique.</summary>
    private static readonly (string Name, VolumeGeometry Target)[] Targets =
    [
        ("finer", Resampler.ToSpacing(Source, (0.7, 0.8, 0.9))),
        ("coarser", Resampler.ToSpacing(Source, (2.5, 3, 4.4))),
        ("mixed", Resampler.ToSpacing(Source, (0.9, 4, 2))),
        ("shifted", new((20, 20, 20), [1, 0, 0, -14, 0, 1.4, 0, 2, 0, 0, 2.1, -15])),
        ("turned", Orienter.ToOrientation(Resampler.ToSpacing(Source, (1, 1, 1)), "PIR")),
        (
            "oblique",
            new((18, 16, 14), [1.3, 0.3, -0.2, -11, -0.35, 1.6, 0.3, 8, 0.2, -0.3, 1.9, -18])
        ),
        (
            "oblique and coarser",
            new((9, 8, 7), [2.6, 0.6, -0.4, -11, -0.7, 3.2, 0.6, 8, 0.4, -0.6, 3.8, -18])
        ),
    ];

    [Fact]
    public void Linear_and_cubic_resampling_equal_scipy_within_a_ten_thousandth_of_the_range()
    {
        using var oracle = new PythonOracle();
        var image = Phantoms.Noise(Source, 11);
        oracle.WriteFloats("image.f32", image.Voxels);
        var jobs = new List<object>();
        foreach (var (name, target) in Targets)
        {
            foreach (var order in new[] { 1, 3 })
            {
                var map = new GridMap(Source, target);
                // Along the source's own axes, which the permuted target names in another order.
                var sigma = map.AntiAliasSigma;
                jobs.Add(
                    new
                    {
                        name = $"{name} {order}",
                        input = "image.f32",
                        shape = new[] { Source.Shape.I, Source.Shape.J, Source.Shape.K },
                        target = new[] { target.Shape.I, target.Shape.J, target.Shape.K },
                        order,
                        mode = order == 1 ? "nearest" : "mirror",
                        sigma = new[] { sigma.I, sigma.J, sigma.K },
                        matrix = map.M,
                    }
                );
            }
        }
        File.WriteAllText(oracle.PathOf("jobs.json"), JsonSerializer.Serialize(jobs));
        oracle.Run("resample.py", "jobs.json");
        foreach (var (name, target) in Targets)
        {
            var linear = Resampler.Linear(image, target);
            var cubic = Resampler.CubicBSpline(image, target);
            Approximately.Equal(
                oracle.Floats($"{name} 1.out"),
                linear.Voxels,
                1e-4,
                name + " linear"
            );
            Approximately.Equal(
                oracle.Floats($"{name} 3.out"),
                cubic.Voxels,
                1e-4,
                name + " cubic"
            );
        }
    }
}
