using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting.Journal;

/// <summary>Takes one pool's life as it happens: every event in the order the pool handled it, and what it decided. In files, or in a database.</summary>
public interface IJournal : IAsyncDisposable
{
    /// <summary>Events written.</summary>
    long Events { get; }

    /// <summary>Events that could not be written; each run of them is a gap in the journal.</summary>
    long Lost { get; }

    /// <summary>Takes what happened and what came of it. Returns at once; called by the pool's mailbox alone.</summary>
    void Add(PoolEvent happened, List<PoolEffect> effects);
}
