namespace Platform.Contracts.Tests;

/// <summary>One of everything that is sent or stored, every member set, as long as it gets.</summary>
internal static class Samples
{
    private const string Digest =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    private const string Segmenter = "brain-structures-of-an-adult-head@10.20.30";
    private const string Resolver = "through-plane-super-resolution@10.20.30";
    private static readonly DateTimeOffset Noon = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    public static StudyContext Study { get; } =
        new()
        {
            Tenant = new('t', 40),
            Site = new('s', 40),
            StudyId = "0123456789abcdef0123456789abcdef",
            Revision = 1234,
            CorrelationId = new("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
            Priority = StudyPriority.Stat,
        };

    /// <summary>What travels on the bus.</summary>
    public static IReadOnlyList<object> Messages { get; } =
    [
        new StudyReceived { Study = Study },
        new StudyRejected
        {
            Study = Study,
            Stage = "preprocessing",
            Reason = RejectionReason.BadGeometry,
            Detail = new('d', 500),
        },
        new SegmentVolume
        {
            Study = Study,
            Series = "s123-sr",
            Model = Segmenter,
        },
        new SuperResolveVolume
        {
            Study = Study,
            Series = "s123",
            Model = Resolver,
        },
        new TrainReverseClassifier
        {
            Study = Study,
            Series = "s123-sr",
            Model = Segmenter,
            SpacingMm = 1.25,
        },
        new ReverseClassifierTrained
        {
            Study = Study,
            Series = "s123-sr",
            Model = Segmenter,
        },
        new VolumeSegmented
        {
            Study = Study,
            Series = "s123-sr",
            Model = Segmenter,
        },
        new VolumeSuperResolved
        {
            Study = Study,
            Series = "s123",
            Model = Resolver,
        },
        new AssessReferences
        {
            Study = Study,
            Series = "s123-sr",
            Model = Segmenter,
            Part = 12,
            Parts = 13,
        },
        new SegmentationAssessed
        {
            Study = Study,
            Series = "s123-sr",
            Model = Segmenter,
            Verdict = Verdict.Review,
        },
        new StudyAnalysed
        {
            Study = Study,
            Verdict = Verdict.Review,
            NotForDiagnosis = true,
        },
        new StudyFailed
        {
            Study = Study,
            Stage = "SegmentVolume",
            Error = "System.IO.IOException",
            FailedAt = Noon,
        },
    ];

    private static RefusedSeries Refused { get; } =
        new("series 2 of 3, of 3 instances", RejectionReason.NotAVolume, "it has 1 slice");

    private static PlannedSeries Series { get; } =
        new()
        {
            Series = "s1",
            Part = "echo time 4.92 ms",
            Shape = [181, 217, 181],
            SpacingMm = [1, 1, 1.25],
            Frames = 2,
            FrameTimesMs = [18.75, 56.25],
            ReceivedOrientation = "LAS",
            VolumeDigest = Digest,
            Scanner = "ACME Vision 3T",
            Statistics = new(0.0625, 0.5, 0.375),
            Alignment = new()
            {
                Outcome = AlignmentOutcome.Aligned,
                Anchor = "s2",
                FromAnchor = [1, 0, 0, 1.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
                Similarity = ImageSimilarity.MutualInformation,
                SimilarityValue = 0.375,
                ShiftMm = 1.5,
                RotationDegrees = 0.25,
                Volume = BlobNames.Aligned(Study, "s1", "s2"),
                VolumeDigest = Digest,
                Detail = "the images share 0.05 of their information",
            },
        };

    private static PlannedOutput Output { get; } =
        new()
        {
            Kind = OutputKind.SuperResolution,
            Series = "s1",
            Model = Resolver,
            Input = BlobNames.Volume(Study, "s1"),
            Output = BlobNames.SuperResolved(Study, Resolver, "s1"),
            NotForDiagnosis = true,
            NotApplicable = RejectionReason.NoMatchingModel,
        };

    private static OutputProvenance Provenance { get; } =
        new()
        {
            Model = Segmenter,
            ModelDigest = Digest,
            InputDigest = Digest,
            CodeVersion = "0.1.0",
            ExecutionProvider = "cpu",
            NotForDiagnosis = true,
            Agreement = new Dictionary<int, double> { [1] = 0.96875 },
            Deviation = 0.0625,
            Uncertainty = true,
            Seconds = new Dictionary<string, double> { ["infer"] = 12.5 },
        };

    private static SegmentationQuality Quality { get; } =
        new()
        {
            Series = "s1",
            Model = Segmenter,
            ReferenceSet = "adults@1",
            Method = "rca-single-atlas",
            References = 5,
            ReferencesFailed = 1,
            Verdict = Verdict.Pass,
            Structures =
            [
                new()
                {
                    Label = 1,
                    Name = "left hippocampus",
                    Snomed = new("5366008", "Hippocampal structure"),
                    Side = "left",
                    VolumeMl = 3.5,
                    PredictedDice = 0.875,
                    IntervalLow = 0.75,
                    IntervalHigh = 0.9375,
                    MaxDice = 0.90625,
                    RegressedDice = 0.84375,
                    Agreement = 0.96875,
                    PredictedMeanSurfaceDistanceMm = 0.625,
                    PredictedHausdorff95Mm = 1.875,
                    Frame = 2,
                    Frames = [new(18.75, 3.5, 0.875, 0.75, 0.9375, Verdict.Pass)],
                    Verdict = Verdict.Pass,
                },
            ],
            NotForDiagnosis = true,
            Seconds = 4.5,
            CodeVersion = "0.1.0",
        };

    /// <summary>What lies in the blob store.</summary>
    public static IReadOnlyList<object> Documents { get; } =
    [
        Study,
        new StudyManifest
        {
            Study = Study,
            ReceivedAt = Noon,
            Source = "upload",
            Items =
            [
                new()
                {
                    Name = $"{Digest}.nii.gz",
                    Bytes = 12_345_678_901,
                    Sha256 = Digest,
                    SeriesKey = "0123456789abcdef0123456789abcdef",
                    Refusal = new(RejectionReason.BurnedInAnnotation, "look at it"),
                },
            ],
            InputDigest = Digest,
            RequestedModels = ["brain-structures"],
        },
        new SourceSeries
        {
            StudyInstanceUid = "2.25.1",
            SeriesInstanceUid = "2.25.2",
            FrameOfReferenceUid = "2.25.3",
            PatientId = "0123456789abcdef0123456789abcdef",
            Modality = "MR",
            Frames = 1,
            Slices = [new("1.2.840.10008.5.1.4.1.1.4.1", "2.25.4", 7)],
        },
        new StudyPlan
        {
            Study = Study,
            InputDigest = Digest,
            CodeVersion = "0.1.0",
            Series = [Series],
            RefusedSeries = [Refused],
            Outputs = [Output],
            Seconds = 1.5,
        },
        Provenance,
        Quality,
        new StudyReport
        {
            Study = Study,
            Outcome = StudyOutcome.Rejected,
            Verdict = Verdict.Fail,
            NotForDiagnosis = true,
            Reason = RejectionReason.CorruptData,
            Detail = "the stream ends after 17 bytes",
            ReceivedAt = Noon,
            CompletedAt = Noon.AddMinutes(1),
            InputDigest = Digest,
            CodeVersion = "0.1.0",
            Series = [Series],
            RefusedSeries = [Refused],
            Outputs =
            [
                new()
                {
                    Plan = Output,
                    Provenance = Provenance,
                    Quality = Quality,
                },
            ],
            Seconds = new Dictionary<string, double> { ["total"] = 60 },
        },
        new ReferenceSetManifest
        {
            Name = "adults",
            Version = "1",
            Description = "made up",
            Registration = new()
            {
                SpacingsMm = [2, 1.5],
                Similarity = ImageSimilarity.MutualInformation,
                AffineIterations = [10],
                DeformableIterations = [12, 8],
                LargestShiftMm = 5,
                Starts = 1,
                MaskMarginMm = 6,
                FluidSigma = 1.5,
            },
            Files = [new("01.image.nii.zst", Digest)],
            Nearest = 8,
        },
    ];

    public static IEnumerable<object> All => Messages.Concat(Documents);
}
