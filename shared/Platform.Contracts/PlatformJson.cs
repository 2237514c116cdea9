using System.Text.Json;
using System.Text.Json.Serialization;

namespace Platform.Contracts;

/// <summary>How documents and messages are written as JSON: camelCase, enums by name, nulls left out, unknown members ignored.</summary>
public static class PlatformJson
{
    /// <summary>The one set of options.</summary>
    public static JsonSerializerOptions Options { get; } =
        new(JsonSerializerDefaults.Web)
        {
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            WriteIndented = true,
            Converters = { new RejectionReasonConverter(), new JsonStringEnumConverter() },
        };
}
