using System.Collections.Concurrent;

namespace FleetRouter.Hosting;

/// <summary>Hands messages to one handler, one at a time and in the order they came, from any thread.</summary>
/// <remarks>Whoever finds the mailbox empty handles what is in it on its own thread, so an uncontended message costs no
/// thread switch; whoever finds it at work only leaves its message. No thread ever waits.</remarks>
/// <param name="handle">Handles one message. Must not throw: nobody could be told.</param>
internal sealed class Mailbox<T>(Action<T> handle)
{
    private readonly ConcurrentQueue<T> _messages = new();
    private int _pending;

    /// <summary>Leaves a message; it may have been handled when this returns, or be handled soon by another thread.</summary>
    public void Post(T message)
    {
        _messages.Enqueue(message);
        if (Interlocked.Increment(ref _pending) > 1)
            return;
        do
        {
            // The count covers only what is queued already: what a queue under contention does not show yet is there in a moment.
            T? next;
            while (!_messages.TryDequeue(out next))
                Thread.SpinWait(1);
            handle(next);
        } while (Interlocked.Decrement(ref _pending) > 0);
    }
}
