using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace System.Tests;

/// <summary>From a modality's C-STORE to a result in the hospital's Orthanc, with nobody's identity beyond the wall.</summary>
[Collection(FrontDoor.WholePlatform)]
public sealed class HospitalEdgeTests
{
    [Fact]
    public async Task A_named_patients_study_comes_back_with_its_segmentation_and_nothing_beyond_the_wall_names_the_patient()
    {
        await using var hospital = await Hospital.OpenAsync();
        await hospital.StartPlatformAsync();
        await hospital.SendAsync(Enumerable.Range(1, NamedStudy.Slices));
        await hospital.StartAgentAsync();

        var returned = await hospital.ReturnedAsync();

        Assert.All(
            returned,
            one =>
            {
                Assert.Equal(NamedStudy.PatientName, Hospital.Text(one, "PatientName"));
                Assert.Equal(NamedStudy.PatientId, Hospital.Text(one, "PatientID"));
                Assert.Equal(NamedStudy.StudyInstanceUid, Hospital.Text(one, "StudyInstanceUID"));
                Assert.Equal(NamedStudy.AccessionNumber, Hospital.Text(one, "AccessionNumber"));
            }
        );
        var segmentation = returned.Single(one => Hospital.Text(one, "Modality") == "SEG");
        Assert.Equal(
            $"{NamedStudy.StudyInstanceUid}.9",
            Hospital.Text(segmentation, "FrameOfReferenceUID")
        );
        Assert.All(
            Values(segmentation, "ReferencedSOPClassUID"),
            kind => Assert.Equal("1.2.840.10008.5.1.4.1.1.4", kind)
        );
        var references = Values(segmentation, "ReferencedSOPInstanceUID").ToHashSet();
        Assert.Subset(
            Enumerable.Range(1, NamedStudy.Slices).Select(NamedStudy.SopInstanceUid).ToHashSet(),
            references
        );
        Assert.NotEmpty(references);
        foreach (
            var file in Directory
                .EnumerateFiles(hospital.Store, "*", SearchOption.AllDirectories)
                .Concat(hospital.Logs)
        )
        {
            AssertNamesNobody(file);
        }
        AssertNamesNobody(
            "the agent's metrics",
            Encoding.UTF8.GetBytes(await hospital.Agent.GetStringAsync("metrics"))
        );
        AssertNamesNobody(
            "the agent's studies",
            Encoding.UTF8.GetBytes(await hospital.Agent.GetStringAsync("studies"))
        );
        foreach (
            var file in Directory.EnumerateFiles(
                Path.Combine(hospital.State, "vault"),
                "*",
                SearchOption.AllDirectories
            )
        )
        {
            AssertNamesNobody(file);
        }
    }

    [Fact]
    public async Task A_study_that_arrives_while_the_link_is_down_is_sent_once_it_is_up_though_the_agent_is_killed_meanwhile()
    {
        await using var hospital = await Hospital.OpenAsync();
        (string, string) oneAtATime = ("Edge__BatchInstances", "1");
        await hospital.StartAgentAsync(oneAtATime);
        await hospital.SendAsync(Enumerable.Range(1, NamedStudy.Slices));
        await hospital.WaitAsync(
            async () => await hospital.MetricAsync("platform_edge_failures{step=\"send\"}") > 1,
            () => "the agent does not try to send"
        );
        Assert.Equal(1, await hospital.MetricAsync("platform_edge_studies{state=\"waiting\"}"));

        hospital.KillAgent();
        await hospital.StartPlatformAsync();
        await hospital.StartAgentAsync(oneAtATime);
        await hospital.WaitAsync(
            async () =>
                await hospital.MetricAsync("platform_edge_instances_total{outcome=\"sent\"}") > 2,
            () => "the agent sends nothing"
        );
        hospital.KillAgent();
        await hospital.StartAgentAsync(oneAtATime);
        var returned = await hospital.ReturnedAsync();

        var uids = returned.Select(one => Hospital.Text(one, "SOPInstanceUID")).ToList();
        Assert.Equal(uids.Distinct().Count(), uids.Count);
        var input = Directory
            .EnumerateFiles(hospital.Store, "*.dcm", SearchOption.AllDirectories)
            .Where(file => file.Contains("/input/", StringComparison.Ordinal));
        Assert.Equal(NamedStudy.Slices, input.Count());
        Assert.Single(
            Directory.EnumerateFiles(hospital.Store, "report.json", SearchOption.AllDirectories)
        );
    }

    [Fact]
    public async Task An_instance_that_comes_late_makes_another_revision_and_results_are_not_taken_for_scans()
    {
        await using var hospital = await Hospital.OpenAsync();
        await hospital.StartPlatformAsync();
        await hospital.SendAsync(Enumerable.Range(1, NamedStudy.Slices - 1));
        await hospital.StartAgentAsync();
        var first = await hospital.ReturnedAsync();

        await hospital.SendAsync(NamedStudy.Slices);
        var second = first;
        await hospital.WaitAsync(
            async () =>
                (second = await hospital.InstancesAsync()).Count(one =>
                    Hospital.Text(one, "Modality") == "SEG"
                ) == 2,
            () => "there is no second segmentation"
        );

        var studies = await hospital.Agent.GetFromJsonAsync<JsonElement[]>("studies");
        Assert.Equal(
            NamedStudy.Slices,
            Assert.Single(studies!).GetProperty("acknowledged").GetInt32()
        );
    }

    /// <summary>Values of an attribute, wherever in an object it is.</summary>
    private static IEnumerable<string> Values(JsonElement element, string name) =>
        element.ValueKind switch
        {
            JsonValueKind.Array => element.EnumerateArray().SelectMany(item => Values(item, name)),
            JsonValueKind.Object => element
                .EnumerateObject()
                .SelectMany(member =>
                    member.Name == name ? [member.Value.ToString()] : Values(member.Value, name)
                ),
            _ => [],
        };

    private static void AssertNamesNobody(string file)
    {
        using var stream = new FileStream(
            file,
            FileMode.Open,
            FileAccess.Read,
            FileShare.ReadWrite | FileShare.Delete
        );
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        AssertNamesNobody(file, bytes);
    }

    private static void AssertNamesNobody(string what, byte[] bytes) =>
        Assert.All(
            NamedStudy.Identity,
            word =>
            {
                Assert.True(
                    bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes(word)) < 0,
                    $"{what} holds '{word}'"
                );
                Assert.True(
                    bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(word)) < 0,
                    $"{what} holds '{word}' in UTF-16"
                );
            }
        );
}
