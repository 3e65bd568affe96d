using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting.Journal;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>A pool that this process runs: its judgement, with its instances found and probed and its journal kept.</summary>
public sealed class RunningPool : IAsyncDisposable
{
    private readonly PoolWatch _watch;
    private readonly ProfileKeeper? _keeper;
    private PoolSetup _setup;

    private RunningPool(PoolSetup setup, PoolHost host, PoolWatch watch, IJournal? journal, ProfileKeeper? keeper) =>
        (_setup, Host, _watch, Journal, _keeper) = (setup, host, watch, journal, keeper);

    /// <summary>The judgement.</summary>
    public PoolHost Host { get; }

    /// <summary>The journal; null if none is kept.</summary>
    public IJournal? Journal { get; }

    /// <summary>Ends when discovery has named the pool's instances for the first time and the pool has them.</summary>
    public Task Named => _watch.Named;

    /// <summary>Starts a pool.</summary>
    /// <param name="setup">What it is.</param>
    /// <param name="clock">The time its events are stamped with.</param>
    /// <param name="report">Told the pool's name and every effect as it is carried out, one at a time.</param>
    /// <param name="watch">Begins to probe an instance; null probes from this process.</param>
    /// <exception cref="JournalException">Its journal cannot be begun.</exception>
    public static async Task<RunningPool> StartAsync(
        PoolSetup setup, HostClock clock, Action<string, PoolEffect> report, Func<PoolHost, EngineEndpoint, ProbeOptions, IInstanceWatch>? watch = null)
    {
        IJournal? journal = await setup.BeginJournal(setup.Options);
        var host = new PoolHost(setup.Options, clock, report, journal);
        PoolWatch watching = watch is null
            ? new PoolWatch(host, setup.ProbeOf, setup.Probe, clock.Provider)
            : new PoolWatch(host, (endpoint, often) => watch(host, endpoint, often), setup.Probe);
        watching.Follow(setup.Discovery);
        return new RunningPool(setup, host, watching, journal, setup.Profiles is { } profiles ? new ProfileKeeper(host, profiles, clock.Provider) : null);
    }

    /// <summary>Brings it in step with what it is to be now; what is in flight stays.</summary>
    public void Change(PoolSetup setup)
    {
        if (_setup.Options != setup.Options)
            Host.Change(setup.Options);
        if (_setup.Probe != setup.Probe)
            _watch.Change(setup.Probe);
        if (_setup.Discovery != setup.Discovery)
            _watch.Follow(setup.Discovery);
        _setup = setup;
    }

    /// <summary>Ends discovery and probes. What the pool is serving runs to its end.</summary>
    public ValueTask RetireAsync() => _watch.DisposeAsync();

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _watch.DisposeAsync();
        if (_keeper is not null)
            await _keeper.DisposeAsync();
        Host.Dispose();
        if (Journal is not null)
            await Journal.DisposeAsync();
    }
}
