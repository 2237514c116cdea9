namespace Platform.Results;

/// <summary>Wakes whoever waits for the projection to change. Other replicas' writes do not reach it: who waits must also poll.</summary>
public sealed class ProjectionSignal(TimeProvider time)
{
    private TaskCompletionSource _next = NewSource();

    /// <summary>Completes at the next write of this process. Take it before reading, so that no write falls between.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    /// <summary>Something was written and committed.</summary>
    public void Notify() => Interlocked.Exchange(ref _next, NewSource()).TrySetResult();

    /// <summary>Waits for <paramref name="next"/> or the poll interval, whichever comes first.</summary>
    public async Task WaitAsync(Task next, TimeSpan poll, CancellationToken cancellationToken)
    {
        try
        {
            await next.WaitAsync(poll, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // Time to poll.
        }
    }

    private static TaskCompletionSource NewSource() =>
        new(TaskCreationOptions.RunContinuationsAsynchronously);
}
