using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>Keeps one pool's instances in step with discovery, and each of them probed.</summary>
public sealed class PoolWatch : IAsyncDisposable
{
    private readonly PoolHost _pool;
    private readonly Func<EngineEndpoint, IEngineProbe> _probeOf;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Watched> _watched = new(StringComparer.Ordinal);
    private ProbeOptions _options;
    private CancellationTokenSource? _source;
    private Task _following = Task.CompletedTask;

    /// <summary>Watches nothing until <see cref="Follow"/>.</summary>
    /// <param name="pool">The pool whose instances these are.</param>
    /// <param name="probeOf">How an engine is asked.</param>
    /// <param name="options">How often.</param>
    /// <param name="time">The wall clock, or a test's.</param>
    public PoolWatch(PoolHost pool, Func<EngineEndpoint, IEngineProbe> probeOf, ProbeOptions options, TimeProvider time)
    {
        (_pool, _probeOf, _options, _time) = (pool, probeOf, options, time);
        pool.ProbeRequested = Nudge;
    }

    /// <summary>Takes the instances from <paramref name="discovery"/> from here on; those it names too stay as they are.</summary>
    public void Follow(IDiscovery discovery)
    {
        lock (_gate)
        {
            _source?.Cancel();
            _source = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            CancellationToken superseded = _source.Token;
            _following = Task.Run(() => FollowAsync(discovery, superseded), CancellationToken.None);
        }
    }

    /// <summary>Changes how often instances are asked.</summary>
    public void Change(ProbeOptions options)
    {
        lock (_gate)
        {
            _options = options;
            foreach (Watched watched in _watched.Values)
                watched.Prober.Options = options;
        }
    }

    /// <summary>Stops watching; the pool keeps the instances it has.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task[] probing;
        lock (_gate)
            probing = [.. _watched.Values.Select(w => w.Running)];
        await Task.WhenAll(probing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task FollowAsync(IDiscovery discovery, CancellationToken superseded)
    {
        await foreach (IReadOnlyList<EngineEndpoint> endpoints in discovery.WatchAsync(superseded))
            Adopt(endpoints, superseded);
    }

    private void Adopt(IReadOnlyList<EngineEndpoint> endpoints, CancellationToken superseded)
    {
        lock (_gate)
        {
            if (superseded.IsCancellationRequested)
                return;
            foreach (string gone in _watched.Keys.Except(endpoints.Select(e => e.Id), StringComparer.Ordinal).ToList())
            {
                _watched.Remove(gone, out Watched? watched);
                watched!.Stop.Cancel();
                _pool.Leave(gone);
            }
            foreach (EngineEndpoint endpoint in endpoints)
                if (!_watched.ContainsKey(endpoint.Id))
                    _watched.Add(endpoint.Id, Begin(endpoint));
        }
    }

    private Watched Begin(EngineEndpoint endpoint)
    {
        _pool.Join(endpoint);
        var prober = new InstanceProber(_pool, endpoint, _probeOf(endpoint), _time) { Options = _options };
        var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        return new Watched(prober, stop, Task.Run(() => prober.RunAsync(stop.Token), CancellationToken.None));
    }

    private void Nudge(string instance)
    {
        lock (_gate)
            if (_watched.TryGetValue(instance, out Watched? watched))
                watched.Prober.Nudge();
    }

    private sealed record Watched(InstanceProber Prober, CancellationTokenSource Stop, Task Running);
}
