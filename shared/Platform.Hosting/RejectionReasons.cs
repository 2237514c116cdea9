using Platform.Contracts;
using Platform.Imaging;

namespace Platform.Hosting;

/// <summary>An image's faults as messages state them.</summary>
public static class RejectionReasons
{
    /// <summary>One to one.</summary>
    public static RejectionReason Of(VolumeFault fault) =>
        fault switch
        {
            VolumeFault.UnsupportedFormat => RejectionReason.UnsupportedFormat,
            VolumeFault.CorruptData => RejectionReason.CorruptData,
            VolumeFault.TooLarge => RejectionReason.TooLarge,
            VolumeFault.BadGeometry => RejectionReason.BadGeometry,
            VolumeFault.NotAVolume => RejectionReason.NotAVolume,
            VolumeFault.BadVoxels => RejectionReason.BadVoxels,
            VolumeFault.MixedSeries => RejectionReason.MixedSeries,
            _ => RejectionReason.Unknown,
        };
}
