using FleetRouter.Hosting.Journal;

namespace FleetRouter.Hosting;

/// <summary>Runs pools: in this process alone (<see cref="EmbeddedPools"/>), or in a cluster of them.</summary>
public interface IPools : IAsyncDisposable
{
    /// <summary>Joins what the pools run in; to be called before anything else.</summary>
    /// <exception cref="IOException">It cannot be joined; the message says why, in one line.</exception>
    Task OpenAsync();

    /// <summary>Takes up a pool.</summary>
    /// <exception cref="JournalException">Its journal cannot be begun.</exception>
    Task<IPool> StartAsync(PoolSetup setup);

    /// <summary>Brings a pool in step with what it is to be now; what is in flight stays.</summary>
    void Change(PoolSetup setup);

    /// <summary>Takes a pool no more: what it is serving runs to its end.</summary>
    Task RetireAsync(string pool);

    /// <summary>The pool, if it is this process that runs it now; else null.</summary>
    RunningPool? Here(string pool);
}
