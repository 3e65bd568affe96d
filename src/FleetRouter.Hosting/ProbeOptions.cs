namespace FleetRouter.Hosting;

/// <summary>How often instances are asked how they are.</summary>
public sealed record ProbeOptions
{
    /// <summary>Time between probes of a healthy instance. Range 50 ms to 5 min, default 1 s: load is counted at dispatch,
    /// so probes only reconcile.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time one probe may take. Range 10 ms to 1 min, default 2 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest time between probes of an instance that keeps failing; the interval doubles up to it.
    /// Range 50 ms to 10 min, default 15 s.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(15);
}
