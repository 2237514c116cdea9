using Platform.Contracts;

namespace Platform.Preprocessing;

/// <summary>Why a study cannot be analysed, as <see cref="StudyRejected"/> says it.</summary>
/// <param name="Reason">For machines.</param>
/// <param name="Detail">For people: position, value, what to do.</param>
internal sealed record Rejection(RejectionReason Reason, string Detail);
