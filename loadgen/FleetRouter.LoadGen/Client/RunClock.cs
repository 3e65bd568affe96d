namespace FleetRouter.LoadGen.Client;

/// <summary>Time from the start of a run.</summary>
internal sealed class RunClock(TimeProvider time)
{
    private long _start = time.GetTimestamp();

    public TimeProvider Provider => time;

    /// <summary>Makes this instant the run's start.</summary>
    public void Restart() => _start = time.GetTimestamp();

    public TimeSpan Now => time.GetElapsedTime(_start);
}
