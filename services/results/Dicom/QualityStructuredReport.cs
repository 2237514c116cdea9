using System.Globalization;
using Platform.Contracts;
using Platform.Dicom;
using static Platform.Dicom.ContentRelationship;

namespace Platform.Results;

/// <summary>
/// The predicted quality of one segmentation as a DICOM structured report: Comprehensive SR (PS3.3 section A.35.3) by template TID 1500 "Measurement
/// Report" (PS3.16), one measurement group (TID 1501) a structure with its segment, volume, predicted Dice, interval, distances and verdict; of a time series
/// one for each of its frames, with its time point (TID 1502). The same quality gives the same object.
/// </summary>
public static class QualityStructuredReport
{
    internal const string ComprehensiveSr = "1.2.840.10008.5.1.4.1.1.88.33";

    private static readonly DicomCode NoUnit = new("1", "UCUM", "no units"),
        Millilitre = new("ml", "UCUM", "milliliter"),
        Millimetre = new("mm", "UCUM", "millimeter");

    private static readonly DicomCode VerdictConcept = new(
        "VERDICT",
        ResultObject.Scheme,
        "Verdict of the predicted quality"
    );

    /// <summary>Makes the report of one output.</summary>
    /// <param name="report">The study's report.</param>
    /// <param name="quality">The output's predicted quality.</param>
    /// <param name="source">What the output was made of, and whose it is.</param>
    public static DicomDataset Of(
        StudyReport report,
        SegmentationQuality quality,
        ResultSource source
    )
    {
        var result = Object(report, quality, ResultKind.Quality, source);
        var segmentation = Object(report, quality, ResultKind.Segmentation, source);
        var document = result
            .Header()
            .Add(0x0008_1090, "LO", "qc")
            .Add(0x0008_103E, "LO", $"Predicted quality {quality.Series}")
            .Add(0x0008_1111)
            .Add(0x0018_1020, "LO", quality.CodeVersion)
            .Add(0x0020_0011, "IS", "1")
            .Add(0x0040_A372)
            .Add(0x0040_A491, "CS", "COMPLETE")
            .Add(0x0040_A493, "CS", "UNVERIFIED");
        document.Add(
            0x0040_A375,
            new DicomDataset()
                .Add(
                    0x0008_1115,
                    new DicomDataset()
                        .Add(
                            0x0008_1199,
                            new DicomDataset()
                                .Add(0x0008_1150, "UI", segmentation.SopClass)
                                .Add(0x0008_1155, "UI", segmentation.SopInstance())
                        )
                        .Add(0x0020_000E, "UI", segmentation.SeriesInstance)
                )
                .Add(0x0020_000D, "UI", segmentation.StudyInstance)
        );
        Content(quality, segmentation).RootOf(document, "1500");
        return document;
    }

    private static ResultObject Object(
        StudyReport report,
        SegmentationQuality quality,
        ResultKind kind,
        ResultSource source
    ) => new(report, quality.Model, quality.Series, kind, source);

    private static ContentItem Content(SegmentationQuality quality, ResultObject segmentation) =>
        ContentItem
            .Container(new("126000", "DCM", "Imaging Measurement Report"))
            .Holding([
                (
                    HasConceptModifier,
                    ContentItem.Code(
                        new("121049", "DCM", "Language of Content Item and Descendants"),
                        new("en", "RFC5646", "English")
                    )
                ),
                (
                    HasObservationContext,
                    ContentItem.Code(
                        new("121005", "DCM", "Observer Type"),
                        new("121007", "DCM", "Device")
                    )
                ),
                (
                    HasObservationContext,
                    ContentItem.Uid(
                        new("121012", "DCM", "Device Observer UID"),
                        DicomUid.FromName($"{quality.Model} {quality.CodeVersion}")
                    )
                ),
                (
                    HasObservationContext,
                    ContentItem.Text(
                        new("121013", "DCM", "Device Observer Name"),
                        $"{quality.Model}, judged by {quality.Method}"
                    )
                ),
                (
                    HasConceptModifier,
                    ContentItem.Code(
                        new("121058", "DCM", "Procedure reported"),
                        new("363679005", "SCT", "Imaging")
                    )
                ),
                (
                    Contains,
                    ContentItem.Container(
                        new("126010", "DCM", "Imaging Measurements"),
                        quality
                            .Structures.SelectMany(
                                (structure, n) => Groups(structure, segmentation, (uint)n + 1)
                            )
                            .Select(group => (Contains, group))
                    )
                ),
                (
                    Contains,
                    ContentItem.Container(
                        new("C0034375", "UMLS", "Qualitative Evaluations"),
                        Overall(quality)
                    )
                ),
            ]);

    private static IEnumerable<(ContentRelationship, ContentItem)> Overall(
        SegmentationQuality quality
    )
    {
        yield return (Contains, ContentItem.Code(VerdictConcept, Code(quality.Verdict)));
        if (quality.ReferenceSet is { } references)
        {
            yield return (
                Contains,
                ContentItem.Text(
                    new("REFERENCES", ResultObject.Scheme, "References the labels were judged by"),
                    $"{quality.References} of {references}"
                )
            );
        }
        if (quality.NotForDiagnosis)
        {
            yield return (
                Contains,
                ContentItem.Text(
                    new("NOTDIAGNOSTIC", ResultObject.Scheme, "Restriction"),
                    ResultObject.NotForDiagnosis
                )
            );
        }
    }

    /// <summary>One group, or one for each frame of a time series. Distances are known of the frame that the structure describes.</summary>
    private static IEnumerable<ContentItem> Groups(
        StructureQuality structure,
        ResultObject segmentation,
        uint segment
    ) =>
        structure.Frames is not { } frames
            ? [Group(structure, segmentation, segment, null)]
            : frames.Select(
                (frame, n) =>
                    Group(
                        structure with
                        {
                            VolumeMl = frame.VolumeMl,
                            PredictedDice = frame.PredictedDice,
                            IntervalLow = frame.IntervalLow,
                            IntervalHigh = frame.IntervalHigh,
                            PredictedMeanSurfaceDistanceMm =
                                n + 1 == structure.Frame
                                    ? structure.PredictedMeanSurfaceDistanceMm
                                    : null,
                            PredictedHausdorff95Mm =
                                n + 1 == structure.Frame ? structure.PredictedHausdorff95Mm : null,
                            Verdict = frame.Verdict,
                        },
                        segmentation,
                        segment,
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"frame {n + 1} of {frames.Count}{(frame.TimeMs is { } ms ? $", {ms:0.###} ms" : "")}"
                        )
                    )
            );

    private static ContentItem Group(
        StructureQuality structure,
        ResultObject segmentation,
        uint segment,
        string? time
    ) =>
        ContentItem.Container(
            new("125007", "DCM", "Measurement Group"),
            [
                (
                    HasObservationContext,
                    ContentItem.Text(new("112039", "DCM", "Tracking Identifier"), structure.Name)
                ),
                (
                    HasObservationContext,
                    ContentItem.Uid(
                        new("112040", "DCM", "Tracking Unique Identifier"),
                        segmentation.TrackingUid(structure)
                    )
                ),
                .. time is null
                    ? Array.Empty<(ContentRelationship, ContentItem)>()
                    :
                    [
                        (
                            HasObservationContext,
                            ContentItem.Text(new("C2348792", "UMLS", "Time Point"), time)
                        ),
                    ],
                .. Site(structure),
                (
                    Contains,
                    ContentItem.Segment(
                        new("121191", "DCM", "Referenced Segment"),
                        segmentation.SopClass,
                        segmentation.SopInstance(),
                        segment
                    )
                ),
                .. Numbers(structure)
                    .Select(number =>
                        (Contains, ContentItem.Number(number.Concept, number.Value, number.Unit))
                    ),
                (Contains, ContentItem.Code(VerdictConcept, Code(structure.Verdict))),
            ]
        );

    /// <summary>Where the structure is, coded where the model's manifest has a code.</summary>
    private static IEnumerable<(ContentRelationship, ContentItem)> Site(StructureQuality structure)
    {
        if (structure.Snomed is not { } code)
        {
            yield break;
        }
        var site = ContentItem.Code(
            new("363698007", "SCT", "Finding Site"),
            new(code.Code, "SCT", code.Meaning)
        );
        yield return (
            HasConceptModifier,
            ResultObject.Side(structure) is { } side
                ? site.Holding([
                    (
                        HasConceptModifier,
                        ContentItem.Code(new("272741003", "SCT", "Laterality"), side)
                    ),
                ])
                : site
        );
    }

    private static IEnumerable<(DicomCode Concept, double Value, DicomCode Unit)> Numbers(
        StructureQuality structure
    )
    {
        yield return (new("118565006", "SCT", "Volume"), structure.VolumeMl, Millilitre);
        (DicomCode Concept, double? Value, DicomCode Unit)[] numbers =
        [
            (new("DICE", ResultObject.Scheme, "Predicted Dice"), structure.PredictedDice, NoUnit),
            (
                new("DICELOW", ResultObject.Scheme, "Predicted Dice, lower end of interval"),
                structure.IntervalLow,
                NoUnit
            ),
            (
                new("DICEHIGH", ResultObject.Scheme, "Predicted Dice, upper end of interval"),
                structure.IntervalHigh,
                NoUnit
            ),
            (
                new("MSD", ResultObject.Scheme, "Predicted mean surface distance"),
                structure.PredictedMeanSurfaceDistanceMm,
                Millimetre
            ),
            (
                new("HD95", ResultObject.Scheme, "Predicted Hausdorff distance, 95th percentile"),
                structure.PredictedHausdorff95Mm,
                Millimetre
            ),
        ];
        foreach (var (concept, value, unit) in numbers)
        {
            if (value is { } known)
            {
                yield return (concept, known, unit);
            }
        }
    }

    private static DicomCode Code(Verdict verdict) =>
        verdict switch
        {
            Verdict.Pass => new("PASS", ResultObject.Scheme, "Pass"),
            Verdict.Review => new("REVIEW", ResultObject.Scheme, "Review"),
            Verdict.Fail => new("FAIL", ResultObject.Scheme, "Fail"),
            _ => new("UNASSESSED", ResultObject.Scheme, "Unassessed"),
        };
}
