namespace Platform.Dicom;

/// <summary>The attributes this library reads: group · 65536 + element (PS3.6).</summary>
internal static class DicomTag
{
    public const uint TransferSyntaxUid = 0x0002_0010;
    public const uint ImageType = 0x0008_0008;
    public const uint SopClassUid = 0x0008_0016;
    public const uint SopInstanceUid = 0x0008_0018;
    public const uint Modality = 0x0008_0060;
    public const uint Manufacturer = 0x0008_0070;
    public const uint ManufacturerModelName = 0x0008_1090;
    public const uint FrameType = 0x0008_9007;
    public const uint ScanningSequence = 0x0018_0020;
    public const uint RepetitionTime = 0x0018_0080;
    public const uint EchoTime = 0x0018_0081;
    public const uint InversionTime = 0x0018_0082;
    public const uint SpacingBetweenSlices = 0x0018_0088;
    public const uint TriggerTime = 0x0018_1060;
    public const uint FlipAngle = 0x0018_1314;
    public const uint EchoPlanarPulseSequence = 0x0018_9018;
    public const uint GradientDirection = 0x0018_9076;
    public const uint EffectiveEchoTime = 0x0018_9082;
    public const uint DiffusionBValue = 0x0018_9087;
    public const uint GradientOrientation = 0x0018_9089;
    public const uint MrTiming = 0x0018_9112;
    public const uint MrEcho = 0x0018_9114;
    public const uint MrDiffusion = 0x0018_9117;
    public const uint CardiacSynchronization = 0x0018_9118;
    public const uint MrImageFrameType = 0x0018_9226;
    public const uint CtImageFrameType = 0x0018_9329;
    public const uint MosaicImages = 0x0019_100A;
    public const uint PatientId = 0x0010_0020;
    public const uint StudyInstanceUid = 0x0020_000D;
    public const uint SeriesInstanceUid = 0x0020_000E;
    public const uint AcquisitionNumber = 0x0020_0012;
    public const uint ImagePosition = 0x0020_0032;
    public const uint ImageOrientation = 0x0020_0037;
    public const uint TemporalPositionIdentifier = 0x0020_0100;
    public const uint TemporalResolution = 0x0020_0110;
    public const uint FrameOfReferenceUid = 0x0020_0052;
    public const uint StackId = 0x0020_9056;
    public const uint FrameContent = 0x0020_9111;
    public const uint PlanePosition = 0x0020_9113;
    public const uint PlaneOrientation = 0x0020_9116;
    public const uint TemporalPositionIndex = 0x0020_9128;
    public const uint TriggerDelayTime = 0x0020_9153;
    public const uint FrameAcquisitionNumber = 0x0020_9156;
    public const uint SamplesPerPixel = 0x0028_0002;
    public const uint PhotometricInterpretation = 0x0028_0004;
    public const uint NumberOfFrames = 0x0028_0008;
    public const uint FrameIncrementPointer = 0x0028_0009;
    public const uint Rows = 0x0028_0010;
    public const uint Columns = 0x0028_0011;
    public const uint PixelSpacing = 0x0028_0030;
    public const uint BitsAllocated = 0x0028_0100;
    public const uint BitsStored = 0x0028_0101;
    public const uint HighBit = 0x0028_0102;
    public const uint PixelRepresentation = 0x0028_0103;
    public const uint PixelPaddingValue = 0x0028_0120;
    public const uint PixelPaddingRangeLimit = 0x0028_0121;
    public const uint RescaleIntercept = 0x0028_1052;
    public const uint RescaleSlope = 0x0028_1053;
    public const uint ModalityLutSequence = 0x0028_3000;
    public const uint PixelMeasures = 0x0028_9110;
    public const uint PixelValueTransformation = 0x0028_9145;
    public const uint SiemensHeader = 0x0029_1010;
    public const uint DetectorInformation = 0x0054_0022;
    public const uint SliceVector = 0x0054_0080;
    public const uint SharedFunctionalGroups = 0x5200_9229;
    public const uint PerFrameFunctionalGroups = 0x5200_9230;
    public const uint FloatPixelData = 0x7FE0_0008;
    public const uint DoublePixelData = 0x7FE0_0009;
    public const uint PixelData = 0x7FE0_0010;
    public const uint Item = 0xFFFE_E000;
    public const uint ItemEnd = 0xFFFE_E00D;
    public const uint SequenceEnd = 0xFFFE_E0DD;

    public static bool IsRead(uint tag) =>
        tag
            is ImageType
                or SopClassUid
                or SopInstanceUid
                or Modality
                or Manufacturer
                or ManufacturerModelName
                or FrameType
                or ScanningSequence
                or RepetitionTime
                or EchoTime
                or InversionTime
                or SpacingBetweenSlices
                or TriggerTime
                or FlipAngle
                or EchoPlanarPulseSequence
                or EffectiveEchoTime
                or DiffusionBValue
                or GradientOrientation
                or MosaicImages
                or PatientId
                or StudyInstanceUid
                or SeriesInstanceUid
                or FrameOfReferenceUid
                or AcquisitionNumber
                or TemporalPositionIdentifier
                or TemporalResolution
                or TemporalPositionIndex
                or TriggerDelayTime
                or FrameAcquisitionNumber
                or SiemensHeader
                or ImagePosition
                or ImageOrientation
                or StackId
                or SamplesPerPixel
                or PhotometricInterpretation
                or NumberOfFrames
                or FrameIncrementPointer
                or Rows
                or Columns
                or PixelSpacing
                or BitsAllocated
                or BitsStored
                or HighBit
                or PixelRepresentation
                or PixelPaddingValue
                or PixelPaddingRangeLimit
                or RescaleIntercept
                or RescaleSlope;

    /// <summary>The functional groups whose attributes are read (PS3.3 section C.7.6.16.2 and C.8), and a sequence within one.</summary>
    public static bool IsReadGroup(uint tag) =>
        tag
            is FrameContent
                or MrTiming
                or MrEcho
                or MrDiffusion
                or GradientDirection
                or CardiacSynchronization
                or MrImageFrameType
                or CtImageFrameType
                or PlanePosition
                or PlaneOrientation
                or PixelMeasures
                or PixelValueTransformation;
}
