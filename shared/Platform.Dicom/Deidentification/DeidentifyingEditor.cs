using System.Globalization;
using System.Text;
using Platform.Imaging;

namespace Platform.Dicom.Deidentification;

/// <summary>What de-identification makes of the elements of one instance.</summary>
internal sealed class DeidentifyingEditor(
    DeidentificationPolicy policy,
    Func<string, string> pseudonymOf
) : InstanceEditor
{
    private const int MostTextBytes = 1 << 10;
    private const uint PatientId = 0x0010_0020;
    private const uint IssuerOfPatientId = 0x0010_0021;
    private const uint FrameOfReference = 0x0020_0052;
    private const uint CharacterSetTag = 0x0008_0005;
    private const uint SopClass = 0x0008_0016;
    private const uint BurnedInAnnotation = 0x0028_0301;
    private const uint ImageType = 0x0008_0008;

    /// <summary>What the cross-walk keeps.</summary>
    private static readonly HashSet<uint> Identifying =
    [
        0x0008_0020, // StudyDate
        0x0008_0021, // SeriesDate
        0x0008_0022, // AcquisitionDate
        0x0008_0030, // StudyTime
        0x0008_0050, // AccessionNumber
        0x0008_0080, // InstitutionName
        0x0008_0090, // ReferringPhysicianName
        0x0008_1030, // StudyDescription
        0x0008_103E, // SeriesDescription
        0x0010_0010, // PatientName
        PatientId,
        IssuerOfPatientId,
        0x0010_0030, // PatientBirthDate
        0x0010_0040, // PatientSex
        0x0010_1010, // PatientAge
        0x0020_0010, // StudyID
    ];

    private static readonly HashSet<uint> Remembered =
    [
        .. Identifying,
        CharacterSetTag,
        ImageType,
        SopClass,
        DicomTag.SopInstanceUid,
        DicomTag.StudyInstanceUid,
        DicomTag.SeriesInstanceUid,
        FrameOfReference,
        DicomTag.PhotometricInterpretation,
        BurnedInAnnotation,
    ];

    private readonly DicomAttributes _met = new(isBigEndian: false);
    private readonly ValueRules _rules = new(policy, pseudonymOf);
    private readonly PrivateBlocks _blocks = new(policy.SafePrivate);
    private bool _hasEmbeddedOverlay;
    private int? _daysBack;
    private List<(uint, Action<ElementWriter>)>? _added;

    public override uint LastOfHead => IssuerOfPatientId;

    public override IReadOnlyList<(uint Tag, Action<ElementWriter> Write)> Added => _added ?? [];

    public override void BeginItem(int depth) => _blocks.BeginItem(depth);

    public override (Copying How, string Vr) Decide(Element element)
    {
        var (tag, vr) = (element.Tag, element.Vr);
        if ((tag >> 16) % 2 == 1)
        {
            return _blocks.Decide(element);
        }
        if (IsOverlayBitPosition(tag) || element.Depth == 0 && Remembered.Contains(tag))
        {
            // Read, whatever becomes of it: Edit says.
            return element.Length <= MostTextBytes && vr != "SQ"
                ? (Copying.Value, vr)
                : (Copying.Drop, vr);
        }
        if (tag >> 16 is < 8 or >= 0x5000 and < 0x5100 or >= 0x6000 and < 0x6100)
        {
            return (Copying.Drop, vr);
        }
        var rule = AttributeRule.Of(tag) ?? AttributeRule.OfVr(vr);
        var action = rule.Under(policy);
        if (action == DeidentificationAction.Remove || (vr == "SQ") != rule.Vrs.Contains("SQ"))
        {
            return (Copying.Drop, vr);
        }
        if (vr == "SQ")
        {
            return (action == DeidentificationAction.Empty ? Copying.Empty : Copying.Items, vr);
        }
        if (!ValueRules.IsText(vr))
        {
            return (
                action == DeidentificationAction.Keep && !IsPixelData(tag)
                    ? Copying.Bytes
                    : Copying.Drop,
                vr
            );
        }
        return element.Length <= MostTextBytes || ValueRules.IsList(vr)
            ? (Copying.Value, vr)
            : (Copying.Drop, vr);
    }

    public override byte[]? Edit(Element element, ReadOnlySpan<byte> value)
    {
        var (tag, vr) = (element.Tag, element.Vr);
        if ((tag >> 16) % 2 == 1)
        {
            return PrivateBlocks.IsCreator(element.Tag)
                ? _blocks.Creator(element, value)
                : ValueRules.Keep(_blocks.Decide(element).Vr, value);
        }
        if (IsOverlayBitPosition(tag))
        {
            _hasEmbeddedOverlay |= value.ContainsAnyExcept((byte)0);
            return null;
        }
        if (element.Depth == 0 && Remembered.Contains(tag))
        {
            _met.Set(tag, value);
        }
        if (tag == PatientId)
        {
            // Written after its issuer has been read.
            return null;
        }
        var rule = AttributeRule.Of(tag) ?? AttributeRule.OfVr(vr);
        var edited = _rules.Apply(rule, element, value);
        if (element.Depth == 0 && edited is not null)
        {
            switch (tag)
            {
                case SopClass:
                    SopClassUid = Text(edited);
                    break;
                case DicomTag.SopInstanceUid:
                    SopInstanceUid = Text(edited);
                    break;
            }
        }
        if (edited is not null && vr is "DA" or "DT" && _daysBack is { } days)
        {
            PatientDates.ShiftBack(edited, days);
        }
        return edited;
    }

    public override void EndHead()
    {
        var (issuer, id) = (Original(IssuerOfPatientId), Original(PatientId));
        _daysBack = PatientDates.DaysBack(pseudonymOf($"shift:{issuer}\n{id}"));
        var pseudonym = id.Length == 0 ? "" : pseudonymOf($"patient:{issuer}\n{id}");
        var dates = policy.RetainLongitudinalDates ? "MODIFIED" : "REMOVED";
        _added =
        [
            Constant(PatientId, "LO", pseudonym),
            Constant(0x0012_0062, "CS", "YES"),
            Constant(0x0012_0063, "LO", "PS3.15 Basic Profile, table of deidentification.md"),
            (0x0012_0064, WriteMethods),
            Constant(0x0028_0303, "CS", dates),
        ];
    }

    public override void CorrectDates(Span<byte> value) =>
        PatientDates.ShiftBack(value, _daysBack!.Value);

    /// <summary>What was copied.</summary>
    /// <exception cref="VolumeException">CorruptData: a UID is missing.</exception>
    public DeidentifiedInstance Result(string transferSyntax, int removed)
    {
        var (study, series) = (
            Required(DicomTag.StudyInstanceUid, "StudyInstanceUID"),
            Required(DicomTag.SeriesInstanceUid, "SeriesInstanceUID")
        );
        var frame = _met.Has(FrameOfReference) ? _met.Text(FrameOfReference) : null;
        return new()
        {
            OriginalStudyInstanceUid = study,
            OriginalSeriesInstanceUid = series,
            OriginalSopInstanceUid = Required(DicomTag.SopInstanceUid, "SOPInstanceUID"),
            OriginalFrameOfReferenceUid = frame,
            StudyInstanceUid = _rules.Uid(study, isStandardKept: false),
            SeriesInstanceUid = _rules.Uid(series, isStandardKept: false),
            SopInstanceUid = SopInstanceUid!,
            FrameOfReferenceUid = frame is null ? null : _rules.Uid(frame, isStandardKept: true),
            SopClassUid = SopClassUid!,
            TransferSyntaxUid = transferSyntax,
            Identity = Identifying.Where(_met.Has).ToDictionary(tag => tag, Original),
            BurnedInAnnotation =
                _hasEmbeddedOverlay
                || ImageKind.MayShowText(
                    _met.Text(BurnedInAnnotation),
                    _met.Text(SopClass),
                    _met.Text(ImageType),
                    _met.Text(DicomTag.PhotometricInterpretation)
                ),
            RemovedElements = removed,
        };
    }

    private string Required(uint tag, string name) =>
        _met.Has(tag)
            ? _met.Text(tag)
            : throw new VolumeException(VolumeFault.CorruptData, $"{name} is missing");

    /// <summary>The text as it was sent, decoded.</summary>
    private string Original(uint tag) =>
        new CharacterSet(_met.Text(CharacterSetTag)).Decode(_met.Bytes(tag));

    private static (uint, Action<ElementWriter>) Constant(uint tag, string vr, string text) =>
        (tag, writer => writer.Write(tag, vr, Encoding.ASCII.GetBytes(text)));

    private void WriteMethods(ElementWriter writer)
    {
        writer.WriteHead(0x0012_0064, "SQ", DicomParser.Undefined);
        foreach (var code in policy.Codes())
        {
            writer.WriteItem(DicomTag.Item, DicomParser.Undefined);
            writer.Write(0x0008_0100, "SH", Encoding.ASCII.GetBytes(code.Value));
            writer.Write(0x0008_0102, "SH", Encoding.ASCII.GetBytes(code.Scheme));
            writer.Write(0x0008_0104, "LO", Encoding.ASCII.GetBytes(code.Meaning));
            writer.WriteItem(DicomTag.ItemEnd, 0);
        }
        writer.WriteItem(DicomTag.SequenceEnd, 0);
    }

    /// <summary>Overlays in bits of the pixels that hold no value: their planes have a bit position that is not 0.</summary>
    private static bool IsOverlayBitPosition(uint tag) => (tag & 0xFF01_FFFF) == 0x6000_0102;

    private static bool IsPixelData(uint tag) =>
        tag is DicomTag.PixelData or DicomTag.FloatPixelData or DicomTag.DoublePixelData;

    private static string Text(byte[] value) => Encoding.ASCII.GetString(value).Trim('\0', ' ');
}
