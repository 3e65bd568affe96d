namespace FleetRouter.Domain.Fleet;

/// <summary>The life of an instance in its pool.</summary>
public enum InstanceState
{
    /// <summary>Named by discovery, not yet probed with success; takes no work.</summary>
    Joined,

    /// <summary>Answers its probes; takes work.</summary>
    Ready,

    /// <summary>Out of reach or unhealthy; takes no work until a probe succeeds.</summary>
    Suspect,

    /// <summary>Told to empty itself: takes no new work, and what it has is moved away.</summary>
    Draining,

    /// <summary>No longer named by discovery, as a pod is that is about to stop: what it has is moved away.</summary>
    Gone,
}
