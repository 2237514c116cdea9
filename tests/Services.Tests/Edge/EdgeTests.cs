using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Platform.Hosting;

namespace Platform.Edge.Tests;

public sealed class EdgeTests
{
    [Fact]
    public async Task What_the_platform_refuses_is_set_aside_with_the_reason_and_sent_again_when_asked_for()
    {
        await using var host = await EdgeHost.StartAsync();
        host.Answer = () => 400;
        host.Instances["1"] = EdgeHost.Instance(1);

        await host.WaitForAsync(EdgeStudyState.SetAside);
        Assert.Equal("the platform answered 400", host.Study.Reason);
        Assert.Contains("the platform answered 400", await host.Client.GetStringAsync("studies"));
        host.Answer = () => 200;
        using var retry = await host.Client.PostAsync($"studies/{host.Study.Id}/retry", null);

        Assert.True(retry.IsSuccessStatusCode);
        await host.WaitForAsync(EdgeStudyState.Sent);
        Assert.Equal(2, host.Attempts.Count);
    }

    [Theory]
    [InlineData(503)]
    [InlineData(401)]
    [InlineData(500)]
    public async Task What_may_pass_is_tried_again_until_it_has(int status)
    {
        var answers = new Queue<int>([status, status, status]);
        await using var host = await EdgeHost.StartAsync(("Edge:BatchInstances", "2"));
        host.Answer = () => answers.TryDequeue(out var next) ? next : 200;
        foreach (var n in Enumerable.Range(1, 5))
        {
            host.Instances[$"{n}"] = EdgeHost.Instance(n);
        }

        await EdgeHost.WaitAsync(
            () => host.Completed.Contains("?instances=5"),
            () => $"{host.Ledger.Active.FirstOrDefault()}"
        );
        Assert.Null(host.Study.Reason);
    }

    [Fact]
    public async Task The_platform_is_left_alone_for_as_long_as_it_asks()
    {
        var answers = new Queue<int>([503]);
        await using var host = await EdgeHost.StartAsync(("Edge:RetryAtMost", "00:00:10"));
        host.Answer = () => answers.TryDequeue(out var next) ? next : 200;
        host.Instances["1"] = EdgeHost.Instance(1);

        await host.WaitForAsync(EdgeStudyState.Sent);

        var attempts = host.Attempts.ToArray();
        Assert.True(attempts[1] - attempts[0] >= TimeSpan.FromSeconds(0.9), "Retry-After was 1 s");
    }

    [Fact]
    public async Task Nothing_is_sent_to_a_platform_whose_certificate_no_known_authority_signed()
    {
        await using var host = await EdgeHost.OpenAsync();
        host.Instances["1"] = EdgeHost.Instance(1);
        await host.StartAgentAsync(("Edge:Platform", host.SecureAddress));
        await EdgeHost.WaitAsync(() => host.SecureConnections > 2, () => "it does not try");
        Assert.Empty(host.Attempts);
        await host.StopAgentAsync();

        await host.StartAgentAsync(
            ("Edge:Platform", host.SecureAddress),
            ("Edge:CertificateAuthority", host.Authority)
        );

        await host.WaitForAsync(EdgeStudyState.Sent);
        Assert.Single(host.Attempts);
    }

    [Fact]
    public async Task An_instance_that_may_show_who_it_is_or_cannot_be_read_stays_and_is_counted()
    {
        await using var host = await EdgeHost.StartAsync();
        host.Instances["1"] = EdgeHost.Instance(1);
        host.Instances["2"] = EdgeHost.Instance(2, burnedIn: "YES");
        host.Instances["3"] = [.. "no DICOM at all"u8];

        await EdgeHost.WaitAsync(
            () => host.Ledger.Active.FirstOrDefault() is { SentAt: not null, Done.Count: 3 },
            () => $"{host.Ledger.Active.FirstOrDefault()}"
        );

        Assert.Equal((1, 1, 1), (host.Study.Acknowledged, host.Study.Held, host.Study.Refused));
        Assert.Equal("?instances=1", host.Completed.Last());
        foreach (var body in host.Stored)
        {
            Assert.True(body.AsSpan().IndexOf("Quellmalz"u8) < 0, "the name leaves");
            Assert.True(body.AsSpan().IndexOf("no DICOM"u8) < 0, "what cannot be read leaves");
        }
    }

    [Fact]
    public async Task Results_are_stored_once_under_the_patients_name_and_forwarded_once_the_PACS_is_up_but_for_what_is_not_for_diagnosis()
    {
        await using var host = await EdgeHost.StartAsync(("Edge:StoreTo:0", "pacs"));
        host.IsPacsUp = false;
        host.Instances["1"] = EdgeHost.Instance(1);
        await host.WaitForAsync(EdgeStudyState.Sent);
        var uid = host.Study.StudyInstanceUid!;
        host.Results["1.2.3.5.1"] = Result(uid, "1.2.3.5.1", "Segmentation");
        host.Results["1.2.3.5.2"] = Result(uid, "1.2.3.5.2", "Segmentation, not for diagnosis");

        await EdgeHost.WaitAsync(
            () => host.Study.Results.Values.Count(result => result.Orthanc is not null) == 2,
            () => $"{host.Study}"
        );
        Assert.Empty(host.Forwarded);
        await host.StopAgentAsync();
        await host.StartAgentAsync(("Edge:StoreTo:0", "pacs"));
        host.IsPacsUp = true;
        await EdgeHost.WaitAsync(() => !host.Forwarded.IsEmpty, () => "nothing is forwarded");
        await EdgeHost.WaitAsync(
            () =>
                host.Study is { Changed: false } study
                && host.Ledger.Place == 3
                && study.Results.Values.All(result => result.StoreTo.Count == 0),
            () => $"{host.Study}"
        );

        var first = host.Study.Results["1.2.3.5.1"].Orthanc!;
        Assert.Equal([$"pacs/{first}"], host.Forwarded);
        Assert.Equal(3, host.Instances.Count);
        Assert.Single(host.Stored);
        var text = Encoding.UTF8.GetString(host.Instances[first]);
        Assert.Contains("Quellmalz^Ottilie", text);
        Assert.DoesNotContain(uid, text);
    }

    [Theory]
    [InlineData("Edge:Platform", "http://platform.example/", "not encrypted")]
    [InlineData("Edge:Orthanc", "http://10.0.0.1:8042/", "not encrypted")]
    [InlineData("Edge:Secret", "c2hvcnQ=", "at least 32 random bytes")]
    [InlineData("Edge:CertificateAuthority", "/nowhere/ca.pem", "is not there")]
    [InlineData("Edge:Sekret", "x", "unknown key")]
    public void A_wrong_option_stops_the_start_and_is_named(string key, string value, string why)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                new Dictionary<string, string?>
                {
                    ["Edge:OrthancUser"] = "agent",
                    ["Edge:OrthancPassword"] = "password",
                    ["Edge:Platform"] = "https://platform.example/",
                    ["Edge:Key"] = "key",
                    ["Edge:Secret"] = Convert.ToBase64String(new byte[32]),
                    ["Edge:StatePath"] = "state",
                    [key] = value,
                }
            )
            .Build();

        var refused = Assert.Throws<OptionsValidationException>(() =>
            configuration.ReadValidated<EdgeOptions>("Edge")
        );

        Assert.StartsWith(key, Assert.Single(refused.Failures));
        Assert.Contains(why, refused.Message);
    }

    private static byte[] Result(string study, string instance, string description)
    {
        using var file = new MemoryStream();
        new Platform.Dicom.DicomDataset()
            .Add(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.66.4")
            .Add(0x0008_0018, "UI", instance)
            .Add(0x0008_103E, "LO", description)
            .Add(0x0010_0010, "PN")
            .Add(0x0010_0020, "LO", "pseudonym")
            .Add(0x0020_000D, "UI", study)
            .Add(0x0020_000E, "UI", "1.2.3.5")
            .WriteFile(file);
        return file.ToArray();
    }
}
