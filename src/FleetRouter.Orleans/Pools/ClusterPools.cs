using System.Collections.Concurrent;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;

namespace FleetRouter.Orleans.Pools;

/// <summary>Pools that the cluster runs, wherever each is.</summary>
internal sealed class ClusterPools(
    LocalPools local, IGrainFactory grains, ClusterOptions options, HostClock clock, ClusterFigures figures, Action<string, PoolEffect> report) : IAsyncDisposable
{
    private readonly string _gateway = $"{options.Silo}/{Guid.NewGuid():N}";
    private readonly ConcurrentDictionary<string, ClusterPool> _pools = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<ClusterPool> _retired = [];

    public Task<IPool> StartAsync(PoolSetup setup)
    {
        local.Set(setup);
        var pool = new ClusterPool(setup.Options, _gateway, grains, options, clock, figures, report);
        _pools[setup.Options.Name] = pool;
        figures.Watch(setup.Options.Name, () => pool.IsReached);
        return Task.FromResult<IPool>(pool);
    }

    public void Change(PoolSetup setup)
    {
        local.Set(setup);
        _pools[setup.Options.Name].Change(setup.Options);
    }

    public Task RetireAsync(string pool)
    {
        if (_pools.TryRemove(pool, out ClusterPool? gone))
        {
            _retired.Add(gone);   // what it serves runs to its end, of which the pool is to be told
            figures.Forget(pool);
        }
        return Task.CompletedTask;
    }

    public RunningPool? Here(string pool) => local.Here(pool);

    public async ValueTask DisposeAsync()
    {
        foreach (ClusterPool pool in _pools.Values.Concat(_retired))
            await pool.DisposeAsync();
    }
}
