using Platform.Contracts;
using Platform.Imaging;

namespace Platform.Preprocessing;

/// <summary>Why a study cannot be analysed, as <see cref="StudyRejected"/> says it.</summary>
/// <param name="Reason">For machines.</param>
/// <param name="Detail">For people: position, value, what to do.</param>
internal sealed record Rejection(RejectionReason Reason, string Detail)
{
    /// <summary>An image's fault, one to one.</summary>
    public static RejectionReason ReasonOf(VolumeFault fault) =>
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
