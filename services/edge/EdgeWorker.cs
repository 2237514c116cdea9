using Microsoft.Extensions.Options;
using Platform.Imaging;

namespace Platform.Edge;

/// <summary>
/// Sends, fetches and forwards, side by side, for ever. While something is down each step tries again after a pause that doubles up to Edge:RetryAtMost,
/// shortened by up to half at random, so that a region's hospitals do not all come back in one moment.
/// </summary>
internal sealed partial class EdgeWorker(
    StudySender sender,
    ResultReturner returner,
    StudyLedger ledger,
    IOptions<EdgeOptions> options,
    TimeProvider time,
    ILogger<EdgeWorker> logger
) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(
            RunAsync("send", sender.RoundAsync, stoppingToken),
            RunAsync("return", returner.RoundAsync, stoppingToken),
            RunAsync("forward", returner.ForwardAsync, stoppingToken)
        );

    private async Task RunAsync(
        string step,
        Func<CancellationToken, Task<bool>> round,
        CancellationToken cancellationToken
    )
    {
        await Task.Yield();
        for (var failures = 0; ; )
        {
            var pause = options.Value.PollEvery;
            try
            {
                pause = await round(cancellationToken) ? TimeSpan.Zero : pause;
                failures = 0;
            }
            // Whatever it is: a step that ended would be an agent that does half of its work and seems well.
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                failures++;
                pause = Pause(failures, (e as PlatformException)?.RetryAfter);
                LogFailed(step, failures, Reason(e));
            }
            EdgeMetrics.Failures.WithLabels(step).Set(failures);
            EdgeMetrics.Show(ledger.Active, time.GetUtcNow());
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private TimeSpan Pause(int failures, TimeSpan? asked)
    {
        var longest = options.Value.RetryAtMost;
        var doubled = options.Value.PollEvery * Math.Pow(2, Math.Min(failures, 30));
        var pause = (doubled < longest ? doubled : longest) * (1 - Random.Shared.NextDouble() / 2);
        return asked > pause ? (asked.Value < longest ? asked.Value : longest) : pause;
    }

    /// <summary>What may be said of it: other messages may hold anything.</summary>
    public static string Reason(Exception e) =>
        e switch
        {
            PlatformException => $"the platform {e.Message}",
            VolumeException => e.Message,
            HttpRequestException { StatusCode: { } status } => $"Orthanc: answered {(int)status}",
            HttpRequestException http => $"Orthanc: no answer: {http.HttpRequestError}",
            _ => $"{e.GetType().Name}\n{e.StackTrace}",
        };

    [LoggerMessage(LogLevel.Warning, "{Step} failed, {Failures} in a row: {Reason}")]
    private partial void LogFailed(string step, int failures, string reason);
}
