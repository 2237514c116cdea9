using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Platform.Contracts.Tests;

/// <summary>
/// The wire identity of what is sent and stored. snapshots/ holds JSON of every shape that was ever released, as
/// {Type}.{n}.json: files are added, never changed. A message in a queue, or a report from last year, must still be read.
/// </summary>
public sealed class ContractTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "snapshots");

    public static TheoryData<string> Snapshots =>
        [.. Directory.GetFiles(Folder).Select(f => Path.GetFileName(f)!).Order()];

    public static TheoryData<string> Types =>
        [.. Samples.All.Select(s => s.GetType().Name).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Snapshots))]
    public void A_shape_that_was_ever_released_is_read_and_loses_nothing(string file)
    {
        var type = TypeOf(file.Split('.')[0]);
        var json = File.ReadAllText(Path.Combine(Folder, file));
        // Throws where a member became required since.
        var read = JsonSerializer.Deserialize(json, type, PlatformJson.Options);
        var written = JsonSerializer.SerializeToNode(read, type, PlatformJson.Options);
        AssertHolds(JsonNode.Parse(json), written, file);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_member_is_in_a_snapshot(string type)
    {
        var sample = Samples.All.Single(s => s.GetType().Name == type);
        var json = JsonSerializer.Serialize(sample, PlatformJson.Options);
        var known = Directory
            .GetFiles(Folder, $"{type}.*.json")
            .SelectMany(f => Members(JsonNode.Parse(File.ReadAllText(f))))
            .ToHashSet();
        var missing = Members(JsonNode.Parse(json)).Except(known).ToArray();
        Assert.True(
            missing.Length == 0,
            $"{type} has new members ({string.Join(", ", missing)}): add snapshots/{type}.{{n}}.json with\n{json}"
        );
    }

    [Fact]
    public void Every_contract_has_a_sample_with_every_member_set()
    {
        var sampled = new HashSet<Type>();
        foreach (var sample in Samples.All)
        {
            Visit(sample, sampled);
        }
        var contracts = typeof(StudyContext)
            .Assembly.GetExportedTypes()
            .Where(t =>
                t.Namespace == "Platform.Contracts"
                && t.IsClass
                && t.GetMethod("<Clone>$") is not null
            );
        Assert.Empty(contracts.Except(sampled).Select(t => t.Name));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_contract_round_trips(string type)
    {
        var sample = Samples.All.Single(s => s.GetType().Name == type);
        var json = JsonSerializer.Serialize(sample, PlatformJson.Options);
        var back = JsonSerializer.Deserialize(json, sample.GetType(), PlatformJson.Options);
        Assert.Equal(json, JsonSerializer.Serialize(back, PlatformJson.Options));
    }

    [Fact]
    public void A_message_is_small_however_long_its_names()
    {
        foreach (var message in Samples.Messages)
        {
            // The bus adds an envelope of 1 to 2 KB; together they stay below 4 KB.
            var bytes = Encoding.UTF8.GetByteCount(
                JsonSerializer.Serialize(message, PlatformJson.Options)
            );
            Assert.InRange(bytes, 1, 2048);
        }
    }

    [Fact]
    public void A_message_s_wire_identity_is_its_namespace_and_name() =>
        Assert.All(
            Samples.Messages,
            message => Assert.Equal("Platform.Contracts", message.GetType().Namespace)
        );

    [Fact]
    public void A_newer_sender_s_members_and_reasons_are_no_error()
    {
        var rejected = JsonSerializer.Deserialize<StudyRejected>(
            """
            {
              "study": { "tenant": "abc", "studyId": "x", "revision": 1, "correlationId": "6f9619ff-8b86-d011-b42d-00c04fc964ff", "colour": "red" },
              "stage": "preprocessing", "reason": "SomethingNew", "detail": "", "since": 5
            }
            """,
            PlatformJson.Options
        )!;
        Assert.Equal(RejectionReason.Unknown, rejected.Reason);
        Assert.Equal("default", rejected.Study.Site);
        Assert.Equal(StudyPriority.Routine, rejected.Study.Priority);
    }

    private static Type TypeOf(string name) =>
        typeof(StudyContext).Assembly.GetType($"Platform.Contracts.{name}", throwOnError: true)!;

    private static void AssertHolds(JsonNode? expected, JsonNode? actual, string path)
    {
        switch (expected)
        {
            case JsonObject members:
                foreach (var (name, value) in members)
                {
                    var held = actual as JsonObject;
                    Assert.True(held?.ContainsKey(name) == true, $"{path}.{name} is lost");
                    AssertHolds(value, held[name], $"{path}.{name}");
                }
                break;
            case JsonArray items:
                var array = Assert.IsType<JsonArray>(actual);
                Assert.Equal(items.Count, array.Count);
                for (var n = 0; n < items.Count; n++)
                {
                    AssertHolds(items[n], array[n], $"{path}[{n}]");
                }
                break;
            default:
                Assert.True(
                    JsonNode.DeepEquals(expected, actual),
                    $"{path} was {expected} and is {actual}"
                );
                break;
        }
    }

    private static IEnumerable<string> Members(JsonNode? node, string path = "") =>
        node switch
        {
            JsonObject members => members.SelectMany(m =>
                Members(m.Value, $"{path}.{m.Key}").Prepend($"{path}.{m.Key}")
            ),
            JsonArray items => items.SelectMany(item => Members(item, $"{path}[]")),
            _ => [],
        };

    /// <summary>Notes the types of a sample's parts; a part that is not set would be missing in the snapshots.</summary>
    private static void Visit(object value, HashSet<Type> seen)
    {
        var type = value.GetType();
        if (value is string or System.Collections.IDictionary || type.IsValueType)
        {
            return;
        }
        if (value is System.Collections.IEnumerable items)
        {
            Assert.NotEmpty(items);
            foreach (var item in items)
            {
                Visit(item, seen);
            }
            return;
        }
        seen.Add(type);
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var part = property.GetValue(value);
            Assert.True(part is not null, $"{type.Name}.{property.Name} is not set");
            Visit(part, seen);
        }
    }
}
