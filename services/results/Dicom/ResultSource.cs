using System.Globalization;
using Platform.Contracts;
using Platform.Dicom;
using Platform.Hosting;

namespace Platform.Results;

/// <summary>
/// What an output was made of, and whose it is. Without a crosswalk its objects name no patient: all identifiers are pseudonyms. With one they are the
/// hospital's own again: only what is sent back to the hospital's gateway is made so.
/// </summary>
/// <param name="Instances">Null where the series was not DICOM.</param>
/// <param name="Crosswalk">Null where the objects are to name nobody.</param>
public sealed record ResultSource(SourceSeries? Instances, Crosswalk? Crosswalk)
{
    /// <summary>Patient and study attributes that every object has, empty where nothing is known (PS3.3 sections C.7.1.1 and C.7.2.1).</summary>
    private static readonly (uint Tag, string Vr)[] Required =
    [
        (0x0008_0020, "DA"),
        (0x0008_0030, "TM"),
        (0x0008_0050, "SH"),
        (0x0008_0090, "PN"),
        (0x0010_0010, "PN"),
        (0x0010_0020, "LO"),
        (0x0010_0030, "DA"),
        (0x0010_0040, "CS"),
        (0x0020_0010, "SH"),
    ];

    /// <summary>Further ones, written where they are known.</summary>
    private static readonly (uint Tag, string Vr)[] Optional =
    [
        (0x0008_1030, "LO"),
        (0x0010_0021, "LO"),
    ];

    /// <summary>Neither instances nor identities.</summary>
    public static ResultSource None { get; } = new(null, null);

    /// <summary>A UID as the receiver knows it.</summary>
    internal string Uid(string uid) => Crosswalk?.Uids.GetValueOrDefault(uid) ?? uid;

    internal string StudyInstanceUid(string studyId) =>
        Uid(Instances?.StudyInstanceUid ?? DicomUid.FromPseudonym(studyId));

    internal void AddPatient(DicomDataset header, string studyId)
    {
        foreach (var (tag, vr) in Required)
        {
            Add(header, tag, vr);
        }
        foreach (var (tag, vr) in Optional.Where(one => Known(one.Tag) is not null))
        {
            Add(header, tag, vr);
        }
        if (Crosswalk is null)
        {
            header.Add(0x0010_0020, "LO", Instances?.PatientId ?? studyId);
        }
    }

    private void Add(DicomDataset header, uint tag, string vr)
    {
        if (Known(tag) is { Length: > 0 } value && DicomDataset.Fits(vr, value))
        {
            header.Add(tag, vr, value);
        }
        else
        {
            header.Add(tag, vr);
        }
    }

    private string? Known(uint tag) =>
        Crosswalk?.Attributes.GetValueOrDefault(tag.ToString("X8", CultureInfo.InvariantCulture));
}
