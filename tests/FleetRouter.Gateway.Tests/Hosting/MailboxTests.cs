using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Tests.Hosting;

public sealed class MailboxTests
{
    [Fact]
    public void Messages_of_one_thread_are_handled_in_order_and_before_the_post_returns()
    {
        var handled = new List<int>();
        var mailbox = new Mailbox<int>(handled.Add);
        for (int i = 0; i < 1_000; i++)
        {
            mailbox.Post(i);
            Assert.Equal(i + 1, handled.Count);
        }
        Assert.Equal(Enumerable.Range(0, 1_000), handled);
    }

    [Fact]
    public void A_message_posted_by_the_handler_waits_until_the_handler_is_done()
    {
        var log = new List<string>();
        Mailbox<int>? mailbox = null;
        mailbox = new Mailbox<int>(n =>
        {
            log.Add($"begin {n}");
            if (n < 3)
                mailbox!.Post(n + 1);
            log.Add($"end {n}");
        });
        mailbox.Post(1);
        Assert.Equal(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"], log);
    }

    [Fact]
    public void Of_many_threads_no_message_is_lost_none_overtakes_and_one_is_handled_at_a_time()
    {
        const int threads = 8, each = 20_000;
        int inside = 0, overlaps = 0, handled = 0;
        var last = new int[threads];
        int overtakes = 0;
        using var all = new ManualResetEventSlim();
        var mailbox = new Mailbox<(int Thread, int Number)>(message =>
        {
            if (Interlocked.Increment(ref inside) != 1)
                overlaps++;
            if (message.Number != ++last[message.Thread])
                overtakes++;
            if (++handled == threads * each)
                all.Set();
            Interlocked.Decrement(ref inside);
        });
        using var start = new Barrier(threads);
        Thread[] posting = [.. Enumerable.Range(0, threads).Select(t => new Thread(() =>
        {
            start.SignalAndWait();
            for (int n = 1; n <= each; n++)
                mailbox.Post((t, n));
        }))];
        foreach (Thread thread in posting)
            thread.Start();
        foreach (Thread thread in posting)
            thread.Join();
        // Whoever posted last may have left its message to a thread that was handling; that one has returned too.
        Assert.True(all.IsSet, $"{handled} of {threads * each} handled");
        Assert.Equal((0, 0), (overlaps, overtakes));
    }
}
