using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Fleet;

/// <summary>A fleet to simulate: engines, the gateway's pool in front of them, and what lies between.</summary>
public sealed record FleetSetup
{
    /// <summary>The engines, one profile each; unlike ones make a heterogeneous pool.</summary>
    public required IReadOnlyList<EngineProfile> Engines { get; init; }

    /// <summary>The engines' ids in the pool, by which prefixes are hashed to them; null makes ids up.</summary>
    public IReadOnlyList<string>? Ids { get; init; }

    /// <summary>Where the engines depart from their profiles, and what they admit.</summary>
    public EngineLimits Limits { get; init; } = new();

    /// <summary>What the pool's judgement is told, as a gateway would be configured.</summary>
    public required PoolOptions Pool { get; init; }

    /// <summary>One way between gateway and engine. Default 0.5 ms: one site.</summary>
    public TimeSpan NetworkDelay { get; init; } = TimeSpan.FromMicroseconds(500);

    /// <summary>Between two probes of an instance; the gateway's default.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the moment an engine writes its report to the moment the pool handles it. Default 10 ms.</summary>
    public TimeSpan ProbeDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Time without a token after which the gateway gives an attempt up; the gateway's default.</summary>
    public TimeSpan ActivityTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>What befalls the engines, in order of time.</summary>
    public IReadOnlyList<EngineFault> Faults { get; init; } = [];

    /// <summary>Clients that leave before the end: by index of the request, how long after its offer.</summary>
    public IReadOnlyDictionary<int, TimeSpan> Patience { get; init; } = new Dictionary<int, TimeSpan>();

    /// <summary>Virtual time at which the run is ended whatever is open; null runs until every request has ended.</summary>
    public TimeSpan? Until { get; init; }

    /// <summary>Whether every engine finds what any of them has computed (<see cref="Engine.SharedCache"/>), as no fleet does: for a referee.</summary>
    public bool SharedCache { get; init; }

    /// <summary>Places with the truth before its eyes, in place of the policy the pool's options name; null, as in life, for none.</summary>
    internal Func<FleetTruth, IPlacementPolicy>? Referee { get; init; }

    /// <summary>Seed of the probes' phases.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>Something that befalls an engine.</summary>
/// <param name="At">When.</param>
/// <param name="Engine">Index of the engine.</param>
/// <param name="Kind">What.</param>
/// <param name="Lasts">How long; it is well again afterwards.</param>
public sealed record EngineFault(TimeSpan At, int Engine, FaultKind Kind, TimeSpan Lasts);

/// <summary>What can befall an engine.</summary>
public enum FaultKind
{
    /// <summary>The process dies with all it holds; a new one with an empty cache answers when the fault is over.</summary>
    Crash,

    /// <summary>Requests and probes are taken but no step ends.</summary>
    Stall,

    /// <summary>Its metrics say that it is idle and empty, whatever it does.</summary>
    Lie,

    /// <summary>Its metrics stay as they are when it begins.</summary>
    Freeze,

    /// <summary>Its metrics are numbers out of all reason, others at each probe, though none that the gateway's probe would reject.</summary>
    Babble,

    /// <summary>It lists another model than the one it is asked for.</summary>
    Rename,

    /// <summary>Every new request is shed with a 503.</summary>
    Shed,

    /// <summary>Discovery no longer names it; what it answers runs to its end.</summary>
    Leave,

    /// <summary>The operator has it emptied, and takes that back when the fault is over.</summary>
    Drain,
}
