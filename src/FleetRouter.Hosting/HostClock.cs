namespace FleetRouter.Hosting;

/// <summary>Time as the judgement counts it: since the host started, never going back.</summary>
public sealed class HostClock(TimeProvider time)
{
    private readonly long _started = time.GetTimestamp();
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    /// <summary>The time source itself, for timers and delays.</summary>
    public TimeProvider Provider => time;

    /// <summary>Time since the host started.</summary>
    public TimeSpan Now => time.GetElapsedTime(_started);

    /// <summary>The date and time at which the judgement's clock showed <paramref name="at"/>.</summary>
    public DateTimeOffset Date(TimeSpan at) => _startedAt + at;
}
