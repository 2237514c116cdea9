using Platform.Contracts;
using Platform.Hosting;
using Platform.Imaging;

namespace Platform.Results;

/// <summary>What a model made, in the orientation in which the image was received.</summary>
internal static class OutputFrames
{
    /// <summary>
    /// A volume, or the frames of a time series, which are read one after another each time they are gone through: on a thread that may wait.
    /// </summary>
    /// <typeparam name="T">float for images, byte for label maps.</typeparam>
    /// <exception cref="BlobNotFoundException">There is no such output.</exception>
    public static async Task<IEnumerable<Volume<T>>> ReadOutputAsync<T>(
        this VolumeStore volumes,
        PlannedOutput output,
        PlannedSeries received,
        CancellationToken cancellationToken
    )
        where T : unmanaged
    {
        if (received.Frames > 1)
        {
            return volumes
                .ReadFramesAsync<T>(output.Output, cancellationToken)
                .ToBlockingEnumerable(cancellationToken)
                .Select(Received);
        }
        return [Received(await volumes.ReadFirstAsync<T>(output.Output, cancellationToken))];

        Volume<T> Received(Volume<T> volume) =>
            Orienter.ToOrientation(volume, received.ReceivedOrientation);
    }
}
