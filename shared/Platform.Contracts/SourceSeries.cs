namespace Platform.Contracts;

/// <summary>instances.json of a volume, written by preprocessing: which DICOM instances its volume was made of, all under the UIDs that stand for the received ones.</summary>
public sealed record SourceSeries
{
    /// <summary>The study.</summary>
    public required string StudyInstanceUid { get; init; }

    /// <summary>The series.</summary>
    public required string SeriesInstanceUid { get; init; }

    /// <summary>The space in which positions are stated; null where the instances state none.</summary>
    public string? FrameOfReferenceUid { get; init; }

    /// <summary>The patient's pseudonym; null where the instances state none.</summary>
    public string? PatientId { get; init; }

    /// <summary>What made the image, for example "MR".</summary>
    public string? Modality { get; init; }

    /// <summary>How many frames a time series has; 1 for a single volume.</summary>
    public int Frames { get; init; } = 1;

    /// <summary>One for each slice of the volume as it was received, frame after frame, k ascending in each.</summary>
    public required IReadOnlyList<SourceSlice> Slices { get; init; }
}

/// <summary>What a slice was read from.</summary>
/// <param name="SopClassUid">Kind of the instance.</param>
/// <param name="SopInstanceUid">The instance.</param>
/// <param name="Frame">Which of its frames, from 1; null where it has one only.</param>
public sealed record SourceSlice(string SopClassUid, string SopInstanceUid, int? Frame = null);
