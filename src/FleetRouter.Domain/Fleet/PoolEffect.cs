using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Fleet;

/// <summary>Something the host is to do. Carried out in order.</summary>
public abstract record PoolEffect;

/// <summary>Send the request to an instance. The lease counts from this moment and ends with
/// <see cref="RequestEnded"/> or <see cref="AttemptFailed"/>.</summary>
public sealed record Dispatch(string RequestId, string Instance, Decision Decision) : PoolEffect
{
    /// <summary>How long it may be silent.</summary>
    public Patience Patience { get; init; }
}

/// <summary>Take a request without a first token from the instance it queues on and send it to another. The lease moves at
/// this moment; nothing of the attempt at <paramref name="From"/> is to be told the pool any more. Where
/// <see cref="PoolOptions.RebalanceQueued"/> or <see cref="PoolOptions.Migration"/> is set, and off an instance that drains.</summary>
public sealed record Move(string RequestId, string From, string To, Decision Decision) : PoolEffect
{
    /// <summary>How long it may be silent there.</summary>
    public Patience Patience { get; init; }
}

/// <summary>Carry a request over to another instance while its answer streams: have the target compute the prompt and the
/// answer so far, then cut over between two tokens. Its lease there begins now, the one at <paramref name="From"/> ends with
/// <see cref="MigrationEnded"/>.</summary>
public sealed record Migrate(string RequestId, string From, string To, Decision Decision) : PoolEffect
{
    /// <summary>The answer stands still for the target's first token no longer than this; then the source goes on as if nothing had been.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>How long it may be silent there.</summary>
    public Patience Patience { get; init; }
}

/// <summary>Ask a second instance for a request whose first token is late, and give its client the answer of whichever has a first token first; the
/// other is cancelled. The second's lease begins now. It ends, if the first wins, with <see cref="RequestProgressed"/>; how else one of the two
/// ends is told by <see cref="HedgeEnded"/>. Once a request, where <see cref="PoolOptions.HedgeBudget"/> is above 0.</summary>
public sealed record Hedge(string RequestId, string From, string To, Decision Decision) : PoolEffect
{
    /// <summary>How long it may be silent there.</summary>
    public Patience Patience { get; init; }
}

/// <summary>Keep the request waiting: every instance that could take it is saturated.</summary>
public sealed record Held(string RequestId) : PoolEffect;

/// <summary>Answer the client that the request is not served.</summary>
public sealed record Refuse(string RequestId, Refusal Refusal, Decision Decision) : PoolEffect;

/// <summary>An instance's life took a turn: for the log, the metrics and the model directory.</summary>
public sealed record InstanceChanged(string Instance, InstanceState From, InstanceState To, string Reason) : PoolEffect;

/// <summary>An instance that takes no more work has none left.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="State">Why it takes none: it drains, or is gone.</param>
/// <param name="Took">Time since it is in that state.</param>
public sealed record InstanceEmptied(string Instance, InstanceState State, TimeSpan Took) : PoolEffect;

/// <summary>An instance failed more often, or was slower, than its peers: it is <see cref="InstanceState.Suspect"/> until it has answered
/// its probes for a time on end, or is needed.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="For">That time.</param>
/// <param name="Reason">What it did.</param>
public sealed record InstanceEjected(string Instance, TimeSpan For, string Reason) : PoolEffect;

/// <summary>Probe the instance at once: how it is must be known now.</summary>
public sealed record ProbeNow(string Instance) : PoolEffect;

/// <summary>Ring (<see cref="AlarmRang"/>) at this time; replaces any earlier wish.</summary>
public sealed record WakeAt(TimeSpan At) : PoolEffect;
