namespace Platform.Dicom.Deidentification;

/// <summary>Who an instance was, for the encrypted cross-walk alone, and what it is now.</summary>
public sealed record DeidentifiedInstance
{
    /// <summary>The study as it was sent.</summary>
    public required string OriginalStudyInstanceUid { get; init; }

    /// <summary>The series as it was sent.</summary>
    public required string OriginalSeriesInstanceUid { get; init; }

    /// <summary>The instance as it was sent.</summary>
    public required string OriginalSopInstanceUid { get; init; }

    /// <summary>The frame of reference as it was sent; null where none is stated.</summary>
    public string? OriginalFrameOfReferenceUid { get; init; }

    /// <summary>The study in the copy.</summary>
    public required string StudyInstanceUid { get; init; }

    /// <summary>The series in the copy.</summary>
    public required string SeriesInstanceUid { get; init; }

    /// <summary>The instance in the copy.</summary>
    public required string SopInstanceUid { get; init; }

    /// <summary>The frame of reference in the copy; null where none is stated.</summary>
    public string? FrameOfReferenceUid { get; init; }

    /// <summary>What kind of object it is.</summary>
    public required string SopClassUid { get; init; }

    /// <summary>How the copy is written.</summary>
    public required string TransferSyntaxUid { get; init; }

    /// <summary>
    /// Decoded text of the attributes that say whose the instance is, as they were sent, by tag (group · 65536 + element): of patient, study and request.
    /// Those that are absent are not in it.
    /// </summary>
    public required IReadOnlyDictionary<uint, string> Identity { get; init; }

    /// <summary>
    /// Whether the pixels may show who it is. BurnedInAnnotation decides where it is YES or NO; where it says nothing, kinds of image that usually carry
    /// text do: secondary captures, ultrasound, visible light, documents, screenshots, colour. Overlays within the pixels do in any case.
    /// </summary>
    public required bool BurnedInAnnotation { get; init; }

    /// <summary>Elements of the data set that were not copied; what was in those that are sequences is not counted.</summary>
    public required int RemovedElements { get; init; }

    /// <summary>Elements that came a second time and were left out.</summary>
    public int RepeatedElements { get; init; }

    /// <summary>What was not as the standard has it and was put right: value representations, and 1 where elements did not ascend.</summary>
    public int CorrectedElements { get; init; }

    /// <summary>The instance as it is now: nothing of who it was gets into a log by accident.</summary>
    public override string ToString() => $"instance {SopInstanceUid}";
}
