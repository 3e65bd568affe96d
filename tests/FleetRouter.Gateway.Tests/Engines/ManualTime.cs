namespace FleetRouter.Gateway.Tests.Engines;

/// <summary>A clock that stands still until a test moves it.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<ManualTimer> _timers = [];
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;
    private TaskCompletionSource _armed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override DateTimeOffset GetUtcNow() { lock (_lock) return _now; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => GetUtcNow().Ticks;

    /// <summary>Waits until something waits for the clock, then moves to the moment it waits for.</summary>
    /// <returns>How far the clock moved.</returns>
    public async Task<TimeSpan> AdvanceToNextTimerAsync()
    {
        while (true)
        {
            Task armed;
            ManualTimer? next;
            var moved = TimeSpan.Zero;
            lock (_lock)
            {
                armed = _armed.Task;
                next = _timers.OrderBy(timer => timer.Due).FirstOrDefault();
                if (next is not null)
                {
                    moved = next.Due - _now;
                    _now = next.Due;
                    _timers.Remove(next);
                }
            }
            if (next is not null)
            {
                next.Fire();
                return moved;
            }
            await armed;
        }
    }

    /// <summary>Waits until something waits for the clock.</summary>
    public async Task UntilWaitedForAsync()
    {
        while (true)
        {
            Task armed;
            lock (_lock)
            {
                if (_timers.Count > 0) return;
                armed = _armed.Task;
            }
            await armed;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ManualTimer(ManualTime time, Action fire) : ITimer
    {
        public DateTimeOffset Due { get; private set; }

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                time._timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan) return true;
                Due = time._now + dueTime;
                time._timers.Add(this);
                time._armed.TrySetResult();
                time._armed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            return true;
        }

        public void Dispose() { lock (time._lock) time._timers.Remove(this); }

        public ValueTask DisposeAsync() { Dispose(); return ValueTask.CompletedTask; }
    }
}
