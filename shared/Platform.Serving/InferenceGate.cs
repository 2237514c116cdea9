using System.Diagnostics;
using Platform.Contracts;
using Platform.Inference;
using Prometheus;

namespace Platform.Serving;

/// <summary>More calls wait for the network than the process takes.</summary>
public sealed class InferenceBusyException(int pending)
    : Exception($"{pending} requests are waiting: try again later");

/// <summary>
/// One network runs at a time in a process: it has all the cores or the whole GPU, and memory holds one set of activations.
/// Emergencies go first, then in the order of arrival.
/// </summary>
public sealed class InferenceGate
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _routine = new();
    private readonly Queue<TaskCompletionSource> _stat = new();
    private bool _taken;

    /// <summary>Runs a network when it is its turn, and counts and times it.</summary>
    /// <param name="model">Whose run it is.</param>
    /// <param name="priority">Its lane.</param>
    /// <param name="run">The run; blocks its thread.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <param name="maxPending">Refuses where as many wait already.</param>
    /// <exception cref="InferenceBusyException"><paramref name="maxPending"/> is reached.</exception>
    public async Task<T> RunAsync<T>(
        OnnxModel model,
        StudyPriority priority,
        Func<T> run,
        CancellationToken cancellationToken,
        int maxPending = int.MaxValue
    )
    {
        var labels = InferenceMetrics.Labels(model.Manifest, priority);
        var arrived = Stopwatch.GetTimestamp();
        try
        {
            await EnterAsync(priority, maxPending, cancellationToken);
        }
        catch (InferenceBusyException)
        {
            InferenceMetrics.Count(labels, "failure", "REJECTED");
            throw;
        }
        catch (OperationCanceledException)
        {
            InferenceMetrics.Count(labels, "failure", "CANCELED");
            throw;
        }
        var started = Stopwatch.GetTimestamp();
        InferenceMetrics
            .QueueSeconds.WithLabels(labels)
            .Observe(Stopwatch.GetElapsedTime(arrived, started).TotalSeconds);
        try
        {
            var result = await Task.Run(run, cancellationToken);
            InferenceMetrics.Count(labels, "success", "");
            return result;
        }
        catch (Exception e)
        {
            InferenceMetrics.Count(
                labels,
                "failure",
                e is OperationCanceledException ? "CANCELED" : "BACKEND"
            );
            throw;
        }
        finally
        {
            InferenceMetrics
                .ComputeSeconds.WithLabels(labels)
                .Observe(Stopwatch.GetElapsedTime(started).TotalSeconds);
            Leave();
        }
    }

    private async Task EnterAsync(
        StudyPriority priority,
        int maxPending,
        CancellationToken cancellationToken
    )
    {
        TaskCompletionSource turn;
        lock (_lock)
        {
            if (!_taken)
            {
                _taken = true;
                return;
            }
            if (_routine.Count + _stat.Count >= maxPending)
            {
                throw new InferenceBusyException(_routine.Count + _stat.Count);
            }
            turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            (priority == StudyPriority.Stat ? _stat : _routine).Enqueue(turn);
        }
        using (InferenceMetrics.Pending.WithLabels(priority.ToString()).TrackInProgress())
        using (cancellationToken.Register(() => turn.TrySetCanceled(cancellationToken)))
        {
            await turn.Task;
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            while (_stat.TryDequeue(out var next) || _routine.TryDequeue(out next))
            {
                // One that gave up waiting is passed over.
                if (next.TrySetResult())
                {
                    return;
                }
            }
            _taken = false;
        }
    }
}
