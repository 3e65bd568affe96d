using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting.Journal;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>All that a process needs to run a pool.</summary>
public sealed record PoolSetup
{
    /// <summary>What its judgement is told.</summary>
    public required PoolOptions Options { get; init; }

    /// <summary>How often its instances are asked how they are.</summary>
    public required ProbeOptions Probe { get; init; }

    /// <summary>Where its instances are; the same object for as long as that is said in the same way.</summary>
    public required IDiscovery Discovery { get; init; }

    /// <summary>How an instance is asked.</summary>
    public required Func<EngineEndpoint, IEngineProbe> ProbeOf { get; init; }

    /// <summary>Begins the journal of a life of the pool; null where none is kept.</summary>
    /// <exception cref="JournalException">It cannot be begun.</exception>
    public required Func<PoolOptions, Task<IJournal?>> BeginJournal { get; init; }

    /// <summary>Where what it learns is kept for its next life; null where it is not.</summary>
    public ILearnedProfiles? Profiles { get; init; }
}
