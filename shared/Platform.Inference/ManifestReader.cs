using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Platform.Imaging.RandomFields;

namespace Platform.Inference;

/// <summary>
/// Reads and writes model.json: camelCase, enums by name. Strict: an unknown, doubled, missing or null member is an error,
/// and so is a value that cannot be.
/// </summary>
public static partial class ManifestReader
{
    /// <summary>How model.json is written and read.</summary>
    public static JsonSerializerOptions Options { get; } =
        new(JsonSerializerOptions.Strict)
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            WriteIndented = true,
            Converters = { new JsonStringEnumConverter(allowIntegerValues: false) },
        };

    /// <summary>Reads and validates a manifest.</summary>
    /// <param name="json">UTF-8 text of model.json.</param>
    /// <exception cref="ModelPackageException">Not a valid manifest; every fault found is named.</exception>
    public static ModelManifest Read(ReadOnlySpan<byte> json)
    {
        ModelManifest manifest;
        try
        {
            manifest =
                JsonSerializer.Deserialize<ModelManifest>(json, Options)
                ?? throw new JsonException("model.json is null");
        }
        catch (JsonException e)
        {
            throw new ModelPackageException(
                ModelPackageFault.InvalidManifest,
                $"model.json cannot be read: {e.Message}",
                e
            );
        }
        var faults = Validate(manifest).ToList();
        return faults.Count == 0
            ? manifest
            : throw new ModelPackageException(
                ModelPackageFault.InvalidManifest,
                $"model.json of {manifest.Id}: {string.Join("; ", faults)}"
            );
    }

    private static IEnumerable<string> Validate(ModelManifest m)
    {
        if (!NamePattern().IsMatch(m.Name))
        {
            yield return $"name '{m.Name}': lower-case letters, digits and hyphens, 2 to 40 characters";
        }
        if (!SemanticVersion.IsValid(m.Version))
        {
            yield return $"version '{m.Version}': a semantic version such as 1.0.0";
        }
        if (!DigestPattern().IsMatch(m.Sha256))
        {
            yield return "sha256: 64 lower-case hexadecimal digits";
        }
        foreach (var fault in ValidateInput(m).Concat(ValidateTiling(m.Tiling)))
        {
            yield return fault;
        }
        foreach (
            var fault in m.Task switch
            {
                ModelTask.SuperResolution => ValidateSuperResolution(m),
                ModelTask.QualityRegression => ValidateLabels(m).Concat(ValidateRegression(m)),
                _ => ValidateLabels(m),
            }
        )
        {
            yield return fault;
        }
        foreach (var fault in ValidateRouting(m.Routing))
        {
            yield return fault;
        }
        foreach (var fault in ValidateQuality(m).Concat(ValidateCrf(m)))
        {
            yield return fault;
        }
        if (string.IsNullOrWhiteSpace(m.IntendedUse))
        {
            yield return "intendedUse is empty";
        }
    }

    private static IEnumerable<string> ValidateInput(ModelManifest m)
    {
        var input = m.Input;
        if (m.Task == ModelTask.QualityRegression)
        {
            if (input.Channels is not [_, "labels"])
            {
                yield return $"input.channels: an image and \"labels\", not {string.Join(", ", input.Channels)}";
            }
        }
        else if (input.Channels.Count != 1 && m.Task != ModelTask.Segmentation)
        {
            yield return $"input.channels: one channel, not {input.Channels.Count}";
        }
        else if (
            input.Channels.Count == 0
            || input.Channels.Distinct().Count() != input.Channels.Count
            || !input.Channels.Skip(1).Order().SequenceEqual(input.OptionalChannels.Order())
        )
        {
            yield return $"input.channels [{string.Join(", ", input.Channels)}]: different names, all after the first in input.optionalChannels [{string.Join(", ", input.OptionalChannels)}], since a study may lack them";
        }
        if (!IsOrientation(input.Orientation))
        {
            yield return $"input.orientation '{input.Orientation}': three axis codes such as RAS, or {SliceAxis.Last}";
        }
        if (
            input.SpacingMm is { } s
            && (s.Count != 3 || s.Any(mm => !(mm >= 0 && double.IsFinite(mm))))
        )
        {
            yield return "input.spacingMm: three numbers, none below 0; 0 keeps the volume's own";
        }
        var n = input.Normalisation;
        if (
            !(n.LowPercentile >= 0 && n.LowPercentile < n.HighPercentile && n.HighPercentile <= 100)
        )
        {
            yield return $"input.normalisation: 0 ≤ lowPercentile ({n.LowPercentile}) < highPercentile ({n.HighPercentile}) ≤ 100";
        }
    }

    private static IEnumerable<string> ValidateTiling(ModelTiling t)
    {
        if (t.Multiple < 1)
        {
            yield return $"tiling.multiple {t.Multiple}: at least 1";
        }
        if (t.Halo < 0)
        {
            yield return $"tiling.halo {t.Halo}: at least 0";
        }
        if (
            t.MaxTile.Count != 3
            || t.MaxTile.Any(size =>
                t.Multiple > 0 && size / t.Multiple * t.Multiple - 2 * t.Halo < t.Multiple
            )
        )
        {
            yield return "tiling.maxTile: three sizes, each with room for the multiple between two halos";
        }
    }

    private static IEnumerable<string> ValidateLabels(ModelManifest m)
    {
        if (m.Labels.Count == 0)
        {
            yield return "labels: at least one is needed";
        }
        if (m.SuperResolution is not null)
        {
            yield return "superResolution: for a super-resolution model only";
        }
        foreach (var label in m.Labels)
        {
            if (label.Channel < 1 || label.Value is < 1 or > 255)
            {
                yield return $"label '{label.Name}': channel from 1 (0 is background), value 1 to 255";
            }
            if (label.Side is not (null or "left" or "right"))
            {
                yield return $"label '{label.Name}': side '{label.Side}' is neither left nor right";
            }
        }
        foreach (var group in m.Labels.GroupBy(l => l.Value).Where(g => g.Count() > 1))
        {
            yield return $"labels: value {group.Key} is used {group.Count()} times";
        }
        foreach (var group in m.Labels.GroupBy(l => l.Channel))
        {
            var sides = group.Select(l => l.Side).Order().ToArray();
            if (!(sides is [null] || sides is ["left", "right"]))
            {
                yield return $"labels: channel {group.Key} must have one label without a side, or one left and one right";
            }
        }
    }

    private static IEnumerable<string> ValidateRegression(ModelManifest m)
    {
        if (m.Labels.Any(label => label.Side is not null))
        {
            yield return "labels: each has a channel of its own and no side, for quality regression";
        }
        if (m.Quality is not null)
        {
            yield return "quality: not for quality regression, whose output it is";
        }
        if (m.Regression is not { Margin: >= 0 and <= 1 })
        {
            yield return "regression: required for quality regression, margin from 0 to 1";
        }
    }

    private static IEnumerable<string> ValidateQuality(ModelManifest m)
    {
        if (m.Quality is { } q && !IsOrdered(q.PassDice, q.ReviewDice))
        {
            yield return $"quality: 0 ≤ reviewDice ({q.ReviewDice}) ≤ passDice ({q.PassDice}) ≤ 1";
        }
        if (m.Quality is { References: null, Regressor: null, Agreement: null or [] })
        {
            yield return "quality: references, regressor or agreement, at least one of them";
        }
        foreach (
            var id in new[] { m.Quality?.References, m.Quality?.Regressor }
                .OfType<string>()
                .Where(id => id.Split('@') is not [not "", not ""])
        )
        {
            yield return $"quality: '{id}' is not name@version";
        }
        foreach (
            var alteration in m.Quality?.Agreement?.Except(SegmentationAgreement.Alterations) ?? []
        )
        {
            yield return $"quality: agreement '{alteration}' is none of {string.Join(", ", SegmentationAgreement.Alterations)}";
        }
        if (m.Quality?.Classifier is { } classifier && !ReverseClassifiers.All.Contains(classifier))
        {
            yield return $"quality: {ReverseClassifiers.Unknown(classifier)}";
        }
        foreach (
            var label in m.Labels.Where(l => l.PassDice is not null || l.ReviewDice is not null)
        )
        {
            if (m.Quality is null)
            {
                yield return $"label '{label.Name}': passDice and reviewDice need quality";
            }
            else if (m.Quality.For(label) is var (pass, review) && !IsOrdered(pass, review))
            {
                yield return $"label '{label.Name}': 0 ≤ reviewDice ({review}) ≤ passDice ({pass}) ≤ 1";
            }
        }
    }

    private static IEnumerable<string> ValidateCrf(ModelManifest m)
    {
        if (m.Crf is not { } crf)
        {
            yield break;
        }
        if (m.Task != ModelTask.Segmentation)
        {
            yield return "crf: for a segmentation model only";
        }
        if (crf.Iterations is < 1 or > DenseCrfOptions.MostIterations)
        {
            yield return $"crf.iterations {crf.Iterations}: 1 to {DenseCrfOptions.MostIterations}";
        }
        (string Key, double Weight)[] weights =
        [
            ("positionalWeight", crf.PositionalWeight),
            ("bilateralWeight", crf.BilateralWeight),
        ];
        foreach (var (key, weight) in weights.Where(w => !(w.Weight is >= 0 and <= 1000)))
        {
            yield return $"crf.{key} {weight}: 0 to 1000";
        }
        (string Key, IReadOnlyList<double> Values, int Count)[] deviations =
        [
            ("positionalDeviationMm", crf.PositionalDeviationMm, 3),
            ("bilateralDeviationMm", crf.BilateralDeviationMm, 3),
            ("intensityDeviation", crf.IntensityDeviation, m.Input.Channels.Count),
        ];
        foreach (
            var (key, values, count) in deviations.Where(d =>
                d.Values.Count != d.Count || d.Values.Any(v => !(v is >= 0.01 and <= 100))
            )
        )
        {
            yield return $"crf.{key} [{string.Join(", ", values)}]: {count} of them, each 0.01 to 100";
        }
    }

    private static bool IsOrdered(double pass, double review) =>
        review >= 0 && pass >= review && pass <= 1;

    private static IEnumerable<string> ValidateSuperResolution(ModelManifest m)
    {
        if (m.SuperResolution is not { } s)
        {
            yield return "superResolution: required for a super-resolution model";
        }
        else if (s.Factor is < 2 or > 16 || !(s.SliceProfileFwhm >= 0))
        {
            yield return $"superResolution: factor {s.Factor} from 2 to 16, sliceProfileFwhm {s.SliceProfileFwhm} at least 0";
        }
        if (m.Input.SpacingMm is not null)
        {
            yield return "input.spacingMm: a super-resolution model keeps the volume's own grid";
        }
        if (m.Labels.Count > 0)
        {
            yield return "labels: not for a super-resolution model";
        }
        if (m.Tiling.SkipBackground)
        {
            yield return "tiling.skipBackground: not for a super-resolution model";
        }
        if (m.LargestForegroundOnly)
        {
            yield return "largestForegroundOnly: not for a super-resolution model";
        }
    }

    private static IEnumerable<string> ValidateRouting(RoutingPredicate r)
    {
        if (!(r.MinSpacingMm <= r.MaxSpacingMm) || !(r.MinExtentMm <= r.MaxExtentMm))
        {
            yield return "routing: a minimum is above its maximum";
        }
        if (!(r.MinAnisotropy >= 1) || !(r.MinThicknessMm >= 0))
        {
            yield return "routing: minAnisotropy at least 1, minThicknessMm at least 0";
        }
        if (!(r.MinFrames >= 1 && r.MinFrames <= r.MaxFrames))
        {
            yield return $"routing: minFrames ({r.MinFrames}) at least 1, maxFrames ({r.MaxFrames}) at least that";
        }
    }

    private static bool IsOrientation(string codes) =>
        codes == SliceAxis.Last
        || codes.Length == 3
            && codes.All(c => "RLAPSI".Contains(c, StringComparison.Ordinal))
            && codes
                .Select(c => "RLAPSI".IndexOf(c, StringComparison.Ordinal) / 2)
                .Distinct()
                .Count() == 3;

    [GeneratedRegex("^[a-z0-9][a-z0-9-]{1,39}$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex DigestPattern();
}
