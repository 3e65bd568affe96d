using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace FleetRouter.Orleans.Pools;

/// <summary>What a gateway tells of its cluster.</summary>
internal sealed class ClusterFigures
{
    private readonly ConcurrentDictionary<string, Func<bool>> _reached = new(StringComparer.Ordinal);
    private readonly Counter<long> _placedHere;

    public ClusterFigures(Meter meter)
    {
        _placedHere = meter.CreateCounter<long>("fleetrouter_fallback_placements", description: "Requests that this gateway placed itself, since their pool did not answer in time.");
        meter.CreateObservableGauge("fleetrouter_pool_reached", () => _reached.Select(p => new Measurement<int>(p.Value() ? 1 : 0, new KeyValuePair<string, object?>("pool", p.Key))),
            description: "1 if the cluster's pool answers this gateway in time.");
    }

    public void Watch(string pool, Func<bool> isReached) => _reached[pool] = isReached;

    public void Forget(string pool) => _reached.TryRemove(pool, out _);

    public void PlacedHere(string pool) => _placedHere.Add(1, new KeyValuePair<string, object?>("pool", pool));
}
