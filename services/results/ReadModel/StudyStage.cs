using Platform.Contracts;

namespace Platform.Results;

/// <summary>How far a revision has come. A study's stage only ever rises, but for a replay; values are stored, so none is renumbered.</summary>
public enum StudyStage
{
    /// <summary>Every byte is stored.</summary>
    Received = 0,

    /// <summary>Its series and the outputs it must have are known.</summary>
    Planned = 10,

    /// <summary>A volume with thinner slices is stored.</summary>
    SuperResolved = 20,

    /// <summary>Labels are stored.</summary>
    Segmented = 30,

    /// <summary>The predicted quality of labels is stored.</summary>
    Assessed = 40,

    /// <summary>A stage gave up; the study waits for a replay.</summary>
    Failed = 50,

    /// <summary>The study cannot be analysed.</summary>
    Rejected = 60,

    /// <summary>The report is there.</summary>
    Analysed = 70,
}

/// <summary>Stages as the outside sees them.</summary>
public static class StudyStages
{
    /// <summary>The wire name, for example "super-resolved".</summary>
    public static string Name(this StudyStage stage) =>
        stage == StudyStage.SuperResolved ? "super-resolved" : stage.ToString().ToLowerInvariant();

    /// <summary>Nothing more happens by itself.</summary>
    public static bool IsTerminal(this StudyStage stage) => stage >= StudyStage.Failed;

    internal static StudyStage Of(StudyOutcome outcome) =>
        outcome == StudyOutcome.Analysed ? StudyStage.Analysed : StudyStage.Rejected;
}
