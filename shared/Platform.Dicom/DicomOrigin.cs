namespace Platform.Dicom;

/// <summary>Who an instance is; what it does not state is empty.</summary>
/// <param name="StudyInstanceUid">The study.</param>
/// <param name="SeriesInstanceUid">The series.</param>
/// <param name="SopClassUid">What kind of object.</param>
/// <param name="SopInstanceUid">The instance.</param>
/// <param name="FrameOfReferenceUid">The space in which it states positions.</param>
/// <param name="PatientId">The patient.</param>
/// <param name="Modality">What made it, for example "MR".</param>
public sealed record DicomOrigin(
    string StudyInstanceUid,
    string SeriesInstanceUid,
    string SopClassUid,
    string SopInstanceUid,
    string FrameOfReferenceUid,
    string PatientId,
    string Modality
)
{
    internal static DicomOrigin Read(DicomAttributes attributes) =>
        new(
            attributes.Text(DicomTag.StudyInstanceUid),
            attributes.Text(DicomTag.SeriesInstanceUid),
            attributes.Text(DicomTag.SopClassUid),
            attributes.Text(DicomTag.SopInstanceUid),
            attributes.Text(DicomTag.FrameOfReferenceUid),
            attributes.Text(DicomTag.PatientId),
            attributes.Text(DicomTag.Modality)
        );
}
