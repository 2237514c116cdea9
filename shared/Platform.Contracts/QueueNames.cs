namespace Platform.Contracts;

/// <summary>Queues: one a service, and for the model services one a model with a <c>-stat</c> queue beside it.</summary>
public static class QueueNames
{
    /// <summary>preprocessing's queue.</summary>
    public const string Preprocessing = "preprocessing";

    /// <summary>preprocessing's queue for super-resolved volumes, whose studies are half done.</summary>
    public const string PreprocessingSuperResolved = "preprocessing-super-resolved";

    /// <summary>qc's queue.</summary>
    public const string Qc = "qc";

    /// <summary>qc's queue for parts of a segmentation's references.</summary>
    public const string QcReferences = "qc-references";

    /// <summary>training's queue.</summary>
    public const string Training = "training";

    /// <summary>results' queue.</summary>
    public const string Results = "results";

    /// <summary>The queue of a model (its name without the version).</summary>
    public static string Model(string model, StudyPriority priority) =>
        $"model-{model.Split('@')[0]}{(priority == StudyPriority.Stat ? "-stat" : "")}";
}
