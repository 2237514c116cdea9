using System.Text.Json;
using System.Text.Json.Serialization;

namespace Platform.Contracts;

/// <summary>Writes reasons by name; a name that this version does not know reads as <see cref="RejectionReason.Unknown"/>.</summary>
internal sealed class RejectionReasonConverter : JsonConverter<RejectionReason>
{
    public override RejectionReason Read(
        ref Utf8JsonReader reader,
        Type typeToConvert,
        JsonSerializerOptions options
    ) =>
        reader.TokenType == JsonTokenType.String
        && Enum.TryParse<RejectionReason>(reader.GetString(), ignoreCase: true, out var reason)
        && Enum.IsDefined(reason)
            ? reason
            : RejectionReason.Unknown;

    public override void Write(
        Utf8JsonWriter writer,
        RejectionReason value,
        JsonSerializerOptions options
    ) => writer.WriteStringValue(value.ToString());
}
