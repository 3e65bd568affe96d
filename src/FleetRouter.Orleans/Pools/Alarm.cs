namespace FleetRouter.Orleans.Pools;

/// <summary>One timer for all that is waited for, since one for each wait would cost more than what is waited for. It is set again and again, and
/// only the last setting counts; but its call may come late, when it has been set anew: whoever is called asks <see cref="IsDue"/>.</summary>
/// <remarks>Set and asked by one thread at a time.</remarks>
/// <param name="time">The clock.</param>
/// <param name="ring">Called when it may be time, on a thread of the clock's.</param>
internal sealed class Alarm(TimeProvider time, Action ring) : IAsyncDisposable
{
    /// <summary>Timers count in milliseconds, and so may be early by almost one.</summary>
    private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(1);

    private readonly ITimer _timer = time.CreateTimer(_ => ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    private TimeSpan _due;
    private long _setAt;

    /// <summary>Rings after <paramref name="due"/>, and no more for what it was set to before.</summary>
    public void Set(TimeSpan due)
    {
        (_due, _setAt) = (due, time.GetTimestamp());
        _timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether the time has come that it was last set to; if not, it will ring again.</summary>
    public bool IsDue()
    {
        TimeSpan left = _due - time.GetElapsedTime(_setAt);
        if (left < Early)
            return true;
        _timer.Change(left, Timeout.InfiniteTimeSpan);
        return false;
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _timer.DisposeAsync();
}
