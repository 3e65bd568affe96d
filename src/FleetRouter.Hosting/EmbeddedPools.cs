using System.Collections.Concurrent;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Hosting;

/// <summary>Pools that this process runs and no other knows of.</summary>
/// <param name="clock">The time their events are stamped with.</param>
/// <param name="report">Told a pool's name and every effect as it is carried out.</param>
public sealed class EmbeddedPools(HostClock clock, Action<string, PoolEffect> report) : IPools
{
    private readonly ConcurrentDictionary<string, RunningPool> _running = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<RunningPool> _retired = [];

    /// <inheritdoc />
    public Task OpenAsync() => Task.CompletedTask;

    /// <inheritdoc />
    public async Task<IPool> StartAsync(PoolSetup setup) =>
        (_running[setup.Options.Name] = await RunningPool.StartAsync(setup, clock, report)).Host;

    /// <inheritdoc />
    public void Change(PoolSetup setup) => _running[setup.Options.Name].Change(setup);

    /// <inheritdoc />
    public async Task RetireAsync(string pool)
    {
        if (!_running.TryRemove(pool, out RunningPool? gone))
            return;
        _retired.Add(gone);
        await gone.RetireAsync();
    }

    /// <inheritdoc />
    public RunningPool? Here(string pool) => _running.GetValueOrDefault(pool);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        foreach (RunningPool pool in _running.Values.Concat(_retired))
            await pool.DisposeAsync();
    }
}
