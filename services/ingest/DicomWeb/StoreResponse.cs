using System.Text.Json;

namespace Platform.Ingest;

/// <summary>The answer to a STOW-RS request (PS3.18 section 10.5.3) as DICOM JSON (annex F). It repeats to the sender its own UIDs, and nothing else of what it sent.</summary>
internal static class StoreResponse
{
    /// <summary>Failure reasons: validation and study mismatch as PS3.18 table I.2-2 groups them, the third for an instance that is there with other content.</summary>
    private const int NotUnderstood = 0xC000,
        OtherStudy = 0xA901,
        OtherContent = 0xB00E;

    /// <summary>Warnings: elements discarded; data set does not match its SOP class, for what was put right and for what has to be looked at first.</summary>
    private const int Discarded = 0xB006,
        NotConforming = 0xB007;

    /// <summary>200 where all instances are stored, 202 where there are failures or warnings, 409 where none is stored.</summary>
    public static IResult Of(IReadOnlyList<StoredPart> parts)
    {
        var failed = parts.Where(IsFailed).ToArray();
        var status =
            failed.Length == parts.Count ? StatusCodes.Status409Conflict
            : failed.Length > 0 || parts.Any(part => Warning(part) is not null)
                ? StatusCodes.Status202Accepted
            : StatusCodes.Status200OK;
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            Sequence(json, "00081198", failed.Where(part => part.Instance is not null), Failure);
            Sequence(json, "00081199", parts.Where(part => !IsFailed(part)), Success);
            Sequence(json, "0008119A", failed.Where(part => part.Instance is null), Failure);
            json.WriteEndObject();
        }
        return TypedResults.Text(body.ToArray(), "application/dicom+json", status);
    }

    private static bool IsFailed(StoredPart part) =>
        part.Outcome is null or InstanceOutcome.OtherContent;

    private static void Failure(Utf8JsonWriter json, StoredPart part)
    {
        Reference(json, part);
        Number(
            json,
            "00081197",
            part switch
            {
                { Outcome: InstanceOutcome.OtherContent } => OtherContent,
                { Instance: null } => NotUnderstood,
                _ => OtherStudy,
            }
        );
        if (part.Refusal is { } why)
        {
            Value(json, "00000902", "LO", why.Length <= 64 ? why : why[..64]);
        }
    }

    private static void Success(Utf8JsonWriter json, StoredPart part)
    {
        Reference(json, part);
        if (Warning(part) is { } warning)
        {
            Number(json, "00081196", warning);
        }
    }

    private static int? Warning(StoredPart part) =>
        part switch
        {
            { Outcome: InstanceOutcome.Held } => NotConforming,
            { Instance.RepeatedElements: > 0 } => Discarded,
            { Instance.CorrectedElements: > 0 } => NotConforming,
            _ => null,
        };

    private static void Reference(Utf8JsonWriter json, StoredPart part)
    {
        if (part.Instance is { } instance)
        {
            Value(json, "00081150", "UI", instance.SopClassUid);
            Value(json, "00081155", "UI", instance.OriginalSopInstanceUid);
        }
    }

    private static void Sequence(
        Utf8JsonWriter json,
        string tag,
        IEnumerable<StoredPart> parts,
        Action<Utf8JsonWriter, StoredPart> write
    )
    {
        if (!parts.Any())
        {
            return;
        }
        json.WriteStartObject(tag);
        json.WriteString("vr", "SQ");
        json.WriteStartArray("Value");
        foreach (var part in parts)
        {
            json.WriteStartObject();
            write(json, part);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Value(Utf8JsonWriter json, string tag, string vr, string value)
    {
        json.WriteStartObject(tag);
        json.WriteString("vr", vr);
        json.WriteStartArray("Value");
        json.WriteStringValue(value);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Number(Utf8JsonWriter json, string tag, int value)
    {
        json.WriteStartObject(tag);
        json.WriteString("vr", "US");
        json.WriteStartArray("Value");
        json.WriteNumberValue(value);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
