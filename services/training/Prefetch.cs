namespace Platform.Training;

/// <summary>Makes samples ahead of their use.</summary>
public static class Prefetch
{
    /// <summary>
    /// Items first … end − 1 in order, made on several threads before they are asked for. What item n is depends on n only, so the
    /// number of threads changes when items are ready, not what they are.
    /// </summary>
    /// <param name="first">The first item.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="make">Makes an item; called from several threads at once.</param>
    /// <param name="workers">Threads that make items.</param>
    /// <param name="ahead">Items being made or waiting to be taken, at most; none is begun before the first is asked for.</param>
    /// <remarks>Leaving the enumeration begins no further item and waits for those begun. An item that fails throws in its turn.</remarks>
    public static IEnumerable<T> InOrder<T>(
        long first,
        long end,
        Func<long, T> make,
        int workers,
        int ahead
    )
    {
        var scheduler = new ConcurrentExclusiveSchedulerPair(
            TaskScheduler.Default,
            workers
        ).ConcurrentScheduler;
        using var stop = new CancellationTokenSource();
        var pending = new Queue<Task<T>>();
        try
        {
            for (var next = first; ; )
            {
                for (; next < end && pending.Count < ahead; next++)
                {
                    var index = next;
                    pending.Enqueue(
                        Task.Factory.StartNew(
                            () => make(index),
                            stop.Token,
                            TaskCreationOptions.None,
                            scheduler
                        )
                    );
                }
                if (!pending.TryDequeue(out var item))
                {
                    yield break;
                }
                yield return item.GetAwaiter().GetResult();
            }
        }
        finally
        {
            stop.Cancel();
            Task.WhenAll(pending).ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        }
    }
}
