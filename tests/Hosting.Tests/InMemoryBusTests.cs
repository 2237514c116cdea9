namespace Platform.Hosting.Tests;

public sealed class InMemoryBusTests : BusContract
{
    protected override Task<Dictionary<string, string?>> SettingsAsync() =>
        Task.FromResult(
            new Dictionary<string, string?>
            {
                ["Bus:Transport"] = "InMemory",
                ["Bus:RetryMinSeconds"] = "0.05",
                ["Bus:RetryMaxSeconds"] = "0.2",
            }
        );
}
