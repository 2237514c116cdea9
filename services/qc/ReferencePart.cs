namespace Platform.Qc;

/// <summary>Some of the references a test image is judged by: every <paramref name="Parts"/>th of them, so that each part has near and far ones.</summary>
/// <param name="Number">Which part, from 1.</param>
/// <param name="Parts">How many parts there are.</param>
public readonly record struct ReferencePart(int Number, int Parts)
{
    /// <summary>All of them.</summary>
    public static ReferencePart Whole { get; } = new(1, 1);

    /// <summary>Every part of so many.</summary>
    public static IEnumerable<ReferencePart> All(int parts) =>
        Enumerable.Range(1, parts).Select(number => new ReferencePart(number, parts));

    /// <summary>How many of so many belong to the part.</summary>
    public int CountOf(int references) => (references - Number + Parts) / Parts;

    /// <summary>Those that belong to the part, in their order.</summary>
    public IReadOnlyList<Reference> Of(IReadOnlyList<Reference> references)
    {
        var (number, parts) = this;
        return [.. references.Where((_, n) => n % parts == number - 1)];
    }
}
