using Platform.Contracts;
using Platform.Testing;

namespace Platform.Qc.Tests;

public sealed class ReferenceRegistrationTests
{
    [Fact]
    public void A_set_that_states_nothing_has_levels_at_four_two_and_one_times_its_spacing()
    {
        var registration = ReferencePhantoms.Set(1).Registration;
        Assert.Equal([12, 6, 3], registration.SpacingsMm);
        Assert.Null(registration.LargestShiftMm);
    }

    [Fact]
    public void What_the_manifest_states_is_what_registers_and_labels_stay_at_the_references_spacing()
    {
        var stated = ReferencePhantoms.Manifest with
        {
            Registration = new RegistrationSettings
            {
                SpacingsMm = [12, 6],
                DeformableIterations = [4, 2],
                LargestShiftMm = 9,
                Starts = 1,
            },
        };
        var head = BrainPhantom.Subject(100, ReferencePhantoms.Spacing);
        var set = ReferenceSet.Prepare(
            stated,
            [BrainPhantom.Subject(1, ReferencePhantoms.Spacing)]
        );
        Assert.Equal([12, 6], set.Registration.SpacingsMm);
        Assert.Equal([4, 2], set.Registration.DeformableIterations);
        Assert.Equal(9, set.Registration.LargestShiftMm);
        Assert.Equal(1, set.Registration.Starts);
        var propagated = new SingleAtlasClassifier(set, 1).Register(
            head.Image,
            CancellationToken.None
        );
        Assert.Equal(0, propagated.Failed);
        Assert.Equal(head.Image.Geometry.Shape, propagated.Grid.Shape);
        Assert.Equal(head.Image.Geometry.Shape, propagated.Labels[0].Geometry.Shape);
        Assert.InRange(propagated.LeastJacobian, 0.01, 0.999);
    }
}
