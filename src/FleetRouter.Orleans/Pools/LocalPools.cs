using System.Collections.Concurrent;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Orleans.Pools;

/// <summary>What this silo knows of pools: how each is to be run, and those it runs now.</summary>
internal sealed class LocalPools(HostClock clock, Action<string, PoolEffect> report)
{
    private readonly ConcurrentDictionary<string, PoolSetup> _setups = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RunningPool> _running = new(StringComparer.Ordinal);

    /// <summary>How a pool is run; null if this silo's configuration has none of that name.</summary>
    public PoolSetup? Setup(string pool) => _setups.GetValueOrDefault(pool);

    /// <summary>How a pool is run from here on.</summary>
    public void Set(PoolSetup setup)
    {
        _setups[setup.Options.Name] = setup;
        Here(setup.Options.Name)?.Change(setup);
    }

    public RunningPool? Here(string pool) => _running.GetValueOrDefault(pool);

    /// <summary>Starts a pool here.</summary>
    /// <exception cref="PoolUnavailableException">The configuration has none of that name.</exception>
    public async Task<RunningPool> StartAsync(string pool, Func<PoolHost, EngineEndpoint, ProbeOptions, IInstanceWatch> watch) => _running[pool] = await RunningPool.StartAsync(
        Setup(pool) ?? throw new PoolUnavailableException($"the configuration of this silo has no pool {pool}"), clock, report, watch);

    public ValueTask StopAsync(string pool, RunningPool running)
    {
        _running.TryRemove(new(pool, running));
        return running.DisposeAsync();
    }
}
