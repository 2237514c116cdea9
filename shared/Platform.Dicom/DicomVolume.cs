using Platform.Imaging;

namespace Platform.Dicom;

/// <summary>One volume of a series, or one that was taken again and again: a time series. Its pixels have not been read.</summary>
public sealed class DicomVolume
{
    private readonly SeriesInstances _instances;
    private readonly IReadOnlyList<int[]> _frames;

    internal DicomVolume(
        string label,
        VolumeGeometry geometry,
        SeriesInstances instances,
        IReadOnlyList<int[]> frames
    ) => (Label, Geometry, _instances, _frames) = (label, geometry, instances, frames);

    /// <summary>What tells it from the others of its series: "echo time 4.92 ms", "phase"; empty where it is the only one.</summary>
    public string Label { get; }

    /// <summary>Its grid, in RAS.</summary>
    public VolumeGeometry Geometry { get; }

    /// <summary>How many times it was taken; 1 where it is no time series.</summary>
    public int Frames => _frames.Count;

    /// <summary>
    /// When each frame was taken, ms, ascending: after the R wave, the mean of its slices' trigger times, for a cine; else after the first frame, by
    /// the temporal resolution, or the repetition time of echo-planar images. Null where nothing states it, or it is no time series.
    /// </summary>
    public IReadOnlyList<double>? FrameTimesMs()
    {
        if (Frames == 1)
        {
            return null;
        }
        double?[] triggers =
        [
            .. _frames.Select(frame =>
                frame.All(n => _instances.Slices[n].Variant.TriggerTime is not null)
                    ? frame.Average(n => _instances.Slices[n].Variant.TriggerTime)
                    : null
            ),
        ];
        if (triggers.Zip(triggers.Skip(1)).All(two => two.First < two.Second))
        {
            return [.. triggers.Select(time => time!.Value)];
        }
        return _instances.Slices[_frames[0][0]].Variant.IntervalMs is > 0 and var interval
            ? [.. Enumerable.Range(0, Frames).Select(n => n * interval)]
            : null;
    }

    /// <summary>
    /// What each slice is read from, frame after frame, k ascending in each: the instance, and which of its frames, from 1; null where it has one.
    /// </summary>
    public IReadOnlyList<(DicomOrigin Instance, int? Frame)> Origins()
    {
        var all = _instances.Origins.ToArray();
        return [.. _frames.SelectMany(frame => frame).Select(slice => all[slice])];
    }

    /// <summary>
    /// Reads the pixels of a frame, on all cores: slope and intercept are applied, and padding has the lowest value of what is not padding. Each
    /// instance that has a slice of it is opened once.
    /// </summary>
    /// <param name="frame">From 0.</param>
    /// <exception cref="VolumeException">CorruptData or UnsupportedFormat.</exception>
    public Volume<float> Read(int frame = 0) => _instances.ReadVolume(_frames[frame], Geometry);
}
