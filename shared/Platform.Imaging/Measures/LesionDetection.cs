namespace Platform.Imaging;

/// <summary>How many lesions are found: pieces of voxels that are not 0 and touch by face, edge or corner.</summary>
/// <param name="Lesions">Pieces in the truth.</param>
/// <param name="Detected">Those of which at least one voxel is found.</param>
/// <param name="FalsePositives">Found pieces that share no voxel with the truth.</param>
public readonly record struct LesionDetection(int Lesions, int Detected, int FalsePositives)
{
    /// <summary>Detected lesions over all lesions; NaN where there is none.</summary>
    public double Sensitivity => (double)Detected / Lesions;

    /// <summary>Compares two maps of one kind of lesion.</summary>
    /// <exception cref="ArgumentException">The maps have different shapes.</exception>
    public static LesionDetection Between(Volume<byte> found, Volume<byte> truth)
    {
        var detected = ConnectedComponents.Find(truth).Touch(found);
        var right = ConnectedComponents.Find(found).Touch(truth);
        return new(detected.Length, detected.Count(lesion => lesion), right.Count(piece => !piece));
    }
}
