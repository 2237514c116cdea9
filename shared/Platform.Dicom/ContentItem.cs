using System.Globalization;

namespace Platform.Dicom;

/// <summary>A coded concept (PS3.3 section 8.8).</summary>
/// <param name="Value">One of more than 16 characters is written as a long code value.</param>
/// <param name="Scheme">"DCM", "SCT", "UCUM", or a private one that begins with 99.</param>
/// <param name="Meaning">For people, at most 64 characters.</param>
public sealed record DicomCode(string Value, string Scheme, string Meaning)
{
    /// <summary>The code as an item of a code sequence.</summary>
    public DicomDataset ToDataset() =>
        (
            Value.Length > 16
                ? new DicomDataset().Add(0x0008_0119, "UC", Value)
                : new DicomDataset().Add(0x0008_0100, "SH", Value)
        )
            .Add(0x0008_0102, "SH", Scheme)
            .Add(0x0008_0104, "LO", Meaning);
}

/// <summary>How an item of a structured report relates to the one above it (PS3.3 section C.17.3.2.4).</summary>
public enum ContentRelationship
{
    /// <summary>CONTAINS.</summary>
    Contains,

    /// <summary>HAS OBS CONTEXT.</summary>
    HasObservationContext,

    /// <summary>HAS CONCEPT MOD.</summary>
    HasConceptModifier,
}

/// <summary>An item of a structured report's content tree (PS3.3 section C.17.3).</summary>
public sealed class ContentItem
{
    private readonly DicomDataset _dataset;

    private ContentItem(string type, DicomCode concept) =>
        _dataset = new DicomDataset()
            .Add(0x0040_A040, "CS", type)
            .Add(0x0040_A043, concept.ToDataset());

    /// <summary>Text.</summary>
    public static ContentItem Text(DicomCode concept, string text) =>
        new ContentItem("TEXT", concept).With(0x0040_A160, "UT", text);

    /// <summary>A code.</summary>
    public static ContentItem Code(DicomCode concept, DicomCode value)
    {
        var item = new ContentItem("CODE", concept);
        item._dataset.Add(0x0040_A168, value.ToDataset());
        return item;
    }

    /// <summary>A unique identifier.</summary>
    public static ContentItem Uid(DicomCode concept, string uid) =>
        new ContentItem("UIDREF", concept).With(0x0040_A124, "UI", uid);

    /// <summary>A measured number, written with at most 16 characters.</summary>
    public static ContentItem Number(DicomCode concept, double value, DicomCode unit)
    {
        var item = new ContentItem("NUM", concept);
        item._dataset.Add(
            0x0040_A300,
            new DicomDataset()
                .Add(0x0040_A30A, "DS", value.ToString("G7", CultureInfo.InvariantCulture))
                .Add(0x0040_08EA, unit.ToDataset())
        );
        return item;
    }

    /// <summary>An object, or a segment of one.</summary>
    /// <param name="concept">What it is here.</param>
    /// <param name="sopClass">Its SOP class.</param>
    /// <param name="instance">Its SOP instance.</param>
    /// <param name="segment">From 1.</param>
    public static ContentItem Segment(
        DicomCode concept,
        string sopClass,
        string instance,
        uint segment
    )
    {
        var item = new ContentItem("IMAGE", concept);
        item._dataset.Add(
            0x0008_1199,
            new DicomDataset()
                .Add(0x0008_1150, "UI", sopClass)
                .Add(0x0008_1155, "UI", instance)
                .AddNumbers(0x0062_000B, "US", segment)
        );
        return item;
    }

    /// <summary>Items under a heading.</summary>
    public static ContentItem Container(
        DicomCode concept,
        params IEnumerable<(ContentRelationship Relationship, ContentItem Item)> items
    )
    {
        var container = new ContentItem("CONTAINER", concept).With(0x0040_A050, "CS", "SEPARATE");
        return container.Holding(items);
    }

    /// <summary>The same item with others below it.</summary>
    public ContentItem Holding(
        params IEnumerable<(ContentRelationship Relationship, ContentItem Item)> items
    )
    {
        DicomDataset[] below =
        [
            .. items.Select(item =>
                item.Item._dataset.Add(
                    0x0040_A010,
                    "CS",
                    item.Relationship switch
                    {
                        ContentRelationship.HasObservationContext => "HAS OBS CONTEXT",
                        ContentRelationship.HasConceptModifier => "HAS CONCEPT MOD",
                        _ => "CONTAINS",
                    }
                )
            ),
        ];
        if (below.Length > 0)
        {
            _dataset.Add(0x0040_A730, below);
        }
        return this;
    }

    /// <summary>Makes the container the root of a document made by a template of DCMR (PS3.16).</summary>
    /// <param name="document">Gets the content.</param>
    /// <param name="template">The template's number, for example "1500".</param>
    public void RootOf(DicomDataset document, string template)
    {
        document.AddAll(_dataset);
        document.Add(
            0x0040_A504,
            new DicomDataset().Add(0x0008_0105, "CS", "DCMR").Add(0x0040_DB00, "CS", template)
        );
    }

    private ContentItem With(uint tag, string vr, string value)
    {
        _dataset.Add(tag, vr, value);
        return this;
    }
}
