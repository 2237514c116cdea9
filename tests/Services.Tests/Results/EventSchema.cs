using System.Text.Json;

namespace Services.Tests.Results;

/// <summary>Where an event is not what its schema says.</summary>
internal static class EventSchema
{
    /// <summary>JSON Schema, as far as the checked-in schemas use it.</summary>
    public static IEnumerable<string> Violations(JsonElement schema, JsonElement value, string path)
    {
        if (
            schema.TryGetProperty("const", out var constant)
            && !JsonElement.DeepEquals(constant, value)
        )
        {
            yield return $"{path}: not {constant}";
        }
        if (
            schema.TryGetProperty("enum", out var choices)
            && !choices.EnumerateArray().Any(c => JsonElement.DeepEquals(c, value))
        )
        {
            yield return $"{path}: {value} is not one of {choices}";
        }
        if (schema.TryGetProperty("type", out var type) && !HasType(value, type.GetString()!))
        {
            yield return $"{path}: not {type}";
            yield break;
        }
        if (
            schema.TryGetProperty("pattern", out var pattern)
            && !System.Text.RegularExpressions.Regex.IsMatch(
                value.GetString()!,
                pattern.GetString()!
            )
        )
        {
            yield return $"{path}: {value} does not match {pattern}";
        }
        if (schema.TryGetProperty("format", out _) && !value.TryGetDateTimeOffset(out _))
        {
            yield return $"{path}: {value} is not a time";
        }
        if (schema.TryGetProperty("minimum", out var least) && value.GetInt64() < least.GetInt64())
        {
            yield return $"{path}: {value} is below {least}";
        }
        if (schema.TryGetProperty("required", out var required))
        {
            foreach (var name in required.EnumerateArray())
            {
                if (!value.TryGetProperty(name.GetString()!, out _))
                {
                    yield return $"{path}: no {name}";
                }
            }
        }
        if (schema.TryGetProperty("properties", out var properties))
        {
            foreach (var property in properties.EnumerateObject())
            {
                if (value.TryGetProperty(property.Name, out var member))
                {
                    foreach (
                        var violation in Violations(
                            property.Value,
                            member,
                            $"{path}.{property.Name}"
                        )
                    )
                    {
                        yield return violation;
                    }
                }
            }
        }
        if (schema.TryGetProperty("items", out var items))
        {
            foreach (var (n, item) in value.EnumerateArray().Index())
            {
                foreach (var violation in Violations(items, item, $"{path}[{n}]"))
                {
                    yield return violation;
                }
            }
        }
    }

    private static bool HasType(JsonElement value, string type) =>
        type switch
        {
            "object" => value.ValueKind == JsonValueKind.Object,
            "array" => value.ValueKind == JsonValueKind.Array,
            "string" => value.ValueKind == JsonValueKind.String,
            "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
            "number" => value.ValueKind == JsonValueKind.Number,
            _ => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        };
}
