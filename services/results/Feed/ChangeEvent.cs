using System.Globalization;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using Platform.Contracts;

namespace Platform.Results;

/// <summary>What other systems are told: a CloudEvents 1.0 envelope around data that a schema describes. No patient data.</summary>
public sealed record ChangeEvent
{
    private static readonly CloudEventAttribute SequenceAttribute =
        CloudEventAttribute.CreateExtension("sequence", CloudEventAttributeType.String);

    private static readonly JsonEventFormatter Formatter = new(
        new(PlatformJson.Options) { WriteIndented = false },
        default
    );

    /// <summary>The hospital.</summary>
    public required string Tenant { get; init; }

    /// <summary>Derived from what happened, so that telling it twice shows.</summary>
    public required string Id { get; init; }

    /// <summary>For example platform.study.analysed.</summary>
    public required string Type { get; init; }

    /// <summary>What it happened to, for example /studies/{id}.</summary>
    public required string Subject { get; init; }

    /// <summary>Names the JSON Schema of envelope and data.</summary>
    public required string Schema { get; init; }

    /// <summary>When it happened.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What happened.</summary>
    public required object Data { get; init; }

    /// <summary>The structured JSON of the event at its place in the tenant's feed.</summary>
    public string ToJson(long sequence)
    {
        var cloudEvent = new CloudEvent(CloudEventsSpecVersion.V1_0, [SequenceAttribute])
        {
            Id = Id,
            Source = new($"/tenants/{Tenant}", UriKind.Relative),
            Type = Type,
            Subject = Subject,
            Time = Time,
            DataContentType = "application/json",
            DataSchema = new(Schema),
            Data = Data,
            // Padded: the extension's values are compared as text.
            [SequenceAttribute] = sequence.ToString("D20", CultureInfo.InvariantCulture),
        };
        var bytes = Formatter.EncodeStructuredModeMessage(cloudEvent, out _);
        return System.Text.Encoding.UTF8.GetString(bytes.Span);
    }
}
