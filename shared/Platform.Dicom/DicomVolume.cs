using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>One volume of a series, of which the pixels have not been read.</summary>
public sealed class DicomVolume
{
    private readonly SeriesInstances _instances;
    private readonly int[] _slices;

    internal DicomVolume(
        string label,
        VolumeGeometry geometry,
        SeriesInstances instances,
        int[] slices
    ) => (Label, Geometry, _instances, _slices) = (label, geometry, instances, slices);

    /// <summary>What tells it from the others of its series: "echo time 4.92 ms", "trigger time 3 of 20"; empty where it is the only one.</summary>
    public string Label { get; }

    /// <summary>Its grid, in RAS.</summary>
    public VolumeGeometry Geometry { get; }

    /// <summary>What each of its slices, k ascending, is read from: the instance, and which of its frames, from 1; null where it has one.</summary>
    public IReadOnlyList<(DicomOrigin Instance, int? Frame)> Origins()
    {
        var all = _instances.Origins.ToArray();
        return [.. _slices.Select(slice => all[slice])];
    }

    /// <summary>
    /// Reads the pixels, on all cores: slope and intercept are applied, and padding has the lowest value of what is not padding. Each instance that has
    /// a slice of it is opened once.
    /// </summary>
    /// <exception cref="VolumeException">CorruptData or UnsupportedFormat.</exception>
    public Volume<float> Read() => _instances.ReadVolume(_slices, Geometry);
}
