namespace Platform.Imaging.Registration;

/// <summary>How well two images agree under a map.</summary>
/// <param name="Score">What alignment maximises; mask voxels outside the moving image count as 0.</param>
/// <param name="Similarity">The same on a scale people read: see <see cref="LinearAlignment"/>.</param>
/// <param name="Seen">Share of the mask inside the moving image.</param>
internal readonly record struct Agreement(double Score, double Similarity, double Seen);
