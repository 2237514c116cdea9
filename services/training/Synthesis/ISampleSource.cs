namespace Platform.Training.Synthesis;

/// <summary>Where a segmentation's synthetic images come from. Used from several threads.</summary>
public interface ISampleSource
{
    /// <summary>A training sample; the same stream gives the same sample.</summary>
    /// <param name="random">The sample's own stream.</param>
    SyntheticHead Draw(FastRandom random);

    /// <summary>How many subjects are held out: training never shows them.</summary>
    int HeldOutMaps { get; }

    /// <summary>A sample of a held-out subject.</summary>
    /// <param name="map">Which one.</param>
    /// <param name="random">The sample's own stream.</param>
    /// <param name="usualContrast">Probability of the contrast the model is meant for; otherwise any at all.</param>
    SyntheticHead HeldOut(int map, FastRandom random, double usualContrast);
}
