using Platform.Contracts;

namespace Platform.Ingest;

/// <summary>Reads what senders write, the same way over HTTP and gRPC.</summary>
internal static class SubmissionFields
{
    private const int MaxModels = 64;
    private const int MaxModelName = 120;

    /// <summary>"routine" (also where empty) or "stat", in any case.</summary>
    public static StudyPriority Priority(string? value) =>
        value?.ToLowerInvariant() switch
        {
            null or "" or "routine" => StudyPriority.Routine,
            "stat" => StudyPriority.Stat,
            _ => throw new SubmissionRefusedException(
                RefusalKind.Invalid,
                "priority",
                value,
                $"'{value}' is not a priority; use routine or stat"
            ),
        };

    /// <summary>Names as name or name@version, each value one name or several separated by commas. Whether they are installed, preprocessing decides.</summary>
    public static IReadOnlyList<string> Models(IEnumerable<string> values)
    {
        string[] models =
        [
            .. values
                .SelectMany(value => value.Split(',', StringSplitOptions.TrimEntries))
                .Where(model => model.Length > 0)
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        if (models.Length > MaxModels)
        {
            throw new SubmissionRefusedException(
                RefusalKind.Invalid,
                "models",
                null,
                $"{models.Length} models; at most {MaxModels}"
            );
        }
        return Array.Find(models, model => !IsModelName(model)) is { } wrong
            ? throw new SubmissionRefusedException(
                RefusalKind.Invalid,
                "models",
                wrong,
                "a model is named as name or name@version"
            )
            : models;
    }

    private static bool IsModelName(string model) =>
        model.Length <= MaxModelName
        && model.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '+' or '@');
}
