using Microsoft.Extensions.Options;

namespace Platform.Ingest;

/// <summary>Looks, every <see cref="IngestOptions.CloseEvery"/>, which studies are complete. Several replicas may do so at once.</summary>
internal sealed partial class StudyCloser(
    StudyGathering gathering,
    IOptions<IngestOptions> options,
    TimeProvider time,
    ILogger<StudyCloser> logger
) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.CloseEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await gathering.CloseCompleteAsync(stoppingToken);
            }
            // The blob store does not answer: the next walk tries again.
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                LogInterrupted(e);
            }
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "the walk over the studies that are being received was interrupted; tried again later"
    )]
    private partial void LogInterrupted(Exception exception);
}
