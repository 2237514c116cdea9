using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Platform.Hosting.Tests;

public sealed class OptionsTests
{
    [Theory]
    [InlineData(
        "Bus:Transport",
        "Kafka",
        "Bus:Transport: 'Kafka' is not one of InMemory, RabbitMq"
    )]
    [InlineData("Bus:Port", "many", "Bus:Port: 'many' is not a valid Int32")]
    [InlineData("Bus:Port", "0", "Bus:Port: The field Port must be between 1 and 65535.")]
    [InlineData(
        "Bus:Transport",
        "RabbitMq",
        "Bus:Username: needed where Bus:Transport is RabbitMq"
    )]
    [InlineData("Bus:RetryMaxSeconds", "0.1", "Bus:RetryMaxSeconds: is below Bus:RetryMinSeconds")]
    public void A_wrong_value_is_refused_with_its_key(string key, string value, string message)
    {
        var error = Refused<BusOptions>("Bus", (key, value));
        Assert.Contains(message, error.Failures);
    }

    [Fact]
    public void A_misspelt_key_is_refused_with_the_keys_there_are()
    {
        var failure = Assert.Single(
            Refused<BlobOptions>("Blobs", ("Blobs:ConectionString", "x")).Failures
        );
        Assert.Equal(
            "Blobs:ConectionString: unknown key; Blobs has ConnectionString, Path, Provider",
            failure
        );
    }

    [Fact]
    public void A_store_without_its_place_is_refused()
    {
        Assert.StartsWith(
            "Blobs:Path:",
            Refused<BlobOptions>("Blobs").Message,
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "Blobs:ConnectionString:",
            Refused<BlobOptions>("Blobs", ("Blobs:Provider", "Azure")).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Every_fault_of_a_tenant_is_named_by_its_place_in_the_list()
    {
        var error = Refused<TenantsOptions>(
            "Tenants",
            ("Tenants:0:Name", "general"),
            ("Tenants:0:StudySecret", Convert.ToBase64String(new byte[16])),
            ("Tenants:1:Name", "Two Words"),
            ("Tenants:1:KeyHashes:0", "abc"),
            ("Tenants:1:StudySecret", "short")
        );
        Assert.Equal(
            ["Tenants:1:KeyHashes:0", "Tenants:1:Name", "Tenants:1:StudySecret"],
            error.Failures.Select(f => f[..f.IndexOf(": ", StringComparison.Ordinal)]).Order()
        );
    }

    [Fact]
    public async Task A_host_with_a_wrong_key_does_not_start()
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            TestHost.StartAsync(new() { ["Blobs:Provider"] = "Azure" })
        );
        Assert.Contains("Blobs:ConnectionString", error.Message, StringComparison.Ordinal);
    }

    private static OptionsValidationException Refused<T>(
        string section,
        params (string Key, string Value)[] settings
    )
        where T : class, new()
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value))
            .Build();
        return Assert.Throws<OptionsValidationException>(() =>
            configuration.ReadValidated<T>(section)
        );
    }
}
