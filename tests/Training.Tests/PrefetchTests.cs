using Platform.Training;

namespace Training.Tests;

public sealed class PrefetchTests
{
    [Fact]
    public void Items_come_in_order_although_the_later_ones_are_ready_first()
    {
        var late = new ManualResetEventSlim();
        var items = Prefetch.InOrder(
            3,
            9,
            n =>
            {
                if (n == 3)
                {
                    Assert.True(late.Wait(TimeSpan.FromSeconds(30)));
                }
                else if (n == 5)
                {
                    late.Set();
                }
                return 10 * n;
            },
            workers: 4,
            ahead: 4
        );
        Assert.Equal([30, 40, 50, 60, 70, 80], items);
    }

    [Fact]
    public void No_more_is_made_ahead_than_said_and_nothing_goes_on_after_the_caller_has_left()
    {
        var begun = 0;
        var running = 0;
        using (
            var items = Prefetch
                .InOrder(
                    0,
                    long.MaxValue,
                    n =>
                    {
                        Interlocked.Increment(ref running);
                        Interlocked.Increment(ref begun);
                        Thread.Sleep(20);
                        Interlocked.Decrement(ref running);
                        return n;
                    },
                    workers: 2,
                    ahead: 3
                )
                .GetEnumerator()
        )
        {
            Assert.True(items.MoveNext());
            Assert.True(items.MoveNext());
            // Two taken; three more may have been begun.
            Assert.InRange(Volatile.Read(ref begun), 2, 5);
        }
        Assert.Equal(0, Volatile.Read(ref running));
        var afterwards = begun;
        Thread.Sleep(100);
        Assert.Equal(afterwards, begun);
    }

    [Fact]
    public void An_item_that_fails_throws_in_its_turn()
    {
        var items = Prefetch.InOrder(
            0,
            4,
            n => n == 2 ? throw new InvalidDataException("two") : n,
            workers: 3,
            ahead: 4
        );
        var taken = new List<long>();
        Assert.Throws<InvalidDataException>(() =>
        {
            foreach (var item in items)
            {
                taken.Add(item);
            }
        });
        Assert.Equal([0, 1], taken);
    }
}
