namespace Platform.Contracts;

/// <summary>What to do with a result, from predicted quality and the thresholds in the model's manifest.</summary>
public enum Verdict
{
    /// <summary>No quality could be predicted (no reference set for the model). To be treated as <see cref="Review"/>.</summary>
    Unassessed,

    /// <summary>Predicted good enough to use.</summary>
    Pass,

    /// <summary>A person should look before it is used.</summary>
    Review,

    /// <summary>Predicted wrong: not to be used.</summary>
    Fail,
}
