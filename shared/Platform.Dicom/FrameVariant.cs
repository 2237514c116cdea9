namespace Platform.Dicom;

/// <summary>What tells frames at one position from each other: echo, component, diffusion, phase, time.</summary>
internal sealed record FrameVariant
{
    /// <summary>ImageType, or FrameType of an enhanced image, as it is.</summary>
    public required string ImageType { get; init; }

    /// <summary>ms.</summary>
    public double? EchoTime { get; init; }

    /// <summary>ms.</summary>
    public double? InversionTime { get; init; }

    /// <summary>Degrees.</summary>
    public double? FlipAngle { get; init; }

    /// <summary>s/mm².</summary>
    public double? BValue { get; init; }

    /// <summary>Direction of the diffusion gradient, as text; empty where there is none.</summary>
    public required string Gradient { get; init; }

    public double? TemporalPosition { get; init; }

    /// <summary>From the R wave, ms.</summary>
    public double? TriggerTime { get; init; }

    public double? Acquisition { get; init; }

    /// <summary>From one volume to the next, as stated or, where echo-planar images are repeated, their repetition time; ms.</summary>
    public double? IntervalMs { get; init; }

    /// <summary>Whether slices are read out echo-planar, as functional series are.</summary>
    public bool IsEchoPlanar { get; init; }

    /// <summary>Whether diffusion is what it shows: then repeats differ by what they weight, stated or not, and are no time series.</summary>
    public bool IsDiffusion =>
        BValue is not null || ImageType.Split('\\').Any(word => word.Trim() == "DIFFUSION");

    /// <summary>Of a single frame, or of a frame of an enhanced image, where other attributes say the same. What is no number says nothing.</summary>
    public static FrameVariant Read(DicomAttributes attributes)
    {
        double? First(uint tag) => attributes.Doubles(tag) is [var first, ..] ? first : null;
        var isEchoPlanar =
            attributes.Text(DicomTag.EchoPlanarPulseSequence) == "YES"
            || attributes.Text(DicomTag.ScanningSequence).Split('\\').Contains("EP");
        return new()
        {
            ImageType = attributes.Text(
                attributes.Has(DicomTag.FrameType) ? DicomTag.FrameType : DicomTag.ImageType
            ),
            EchoTime = First(DicomTag.EffectiveEchoTime) ?? attributes.Decimal(DicomTag.EchoTime),
            InversionTime = attributes.Decimal(DicomTag.InversionTime),
            FlipAngle = attributes.Decimal(DicomTag.FlipAngle),
            BValue = First(DicomTag.DiffusionBValue),
            Gradient = string.Join(
                ' ',
                attributes.Doubles(DicomTag.GradientOrientation).Select(cosine => $"{cosine:f4}")
            ),
            TemporalPosition =
                attributes.Count(DicomTag.TemporalPositionIndex)
                ?? attributes.Decimal(DicomTag.TemporalPositionIdentifier),
            TriggerTime =
                First(DicomTag.TriggerDelayTime) ?? attributes.Decimal(DicomTag.TriggerTime),
            Acquisition =
                attributes.Count(DicomTag.FrameAcquisitionNumber)
                ?? attributes.Decimal(DicomTag.AcquisitionNumber),
            IntervalMs =
                attributes.Decimal(DicomTag.TemporalResolution)
                ?? (isEchoPlanar ? attributes.Decimal(DicomTag.RepetitionTime) : null),
            IsEchoPlanar = isEchoPlanar,
        };
    }

    /// <summary>What the image type says about complex values, by its words and their parts; null where it says nothing.</summary>
    public static string? Component(string imageType)
    {
        foreach (var word in imageType.Split('\\', '_'))
        {
            switch (word.Trim())
            {
                case "M" or "MAGNITUDE":
                    return "magnitude";
                case "P" or "PHASE":
                    return "phase";
                case "R" or "REAL":
                    return "real part";
                case "I" or "IMAGINARY":
                    return "imaginary part";
                case "FIELD":
                    return "field map";
            }
        }
        return null;
    }
}
