using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>Keeps one pool's instances in step with discovery, and each of them probed.</summary>
public sealed class PoolWatch : IAsyncDisposable
{
    private readonly PoolHost _pool;
    private readonly Func<EngineEndpoint, ProbeOptions, IInstanceWatch> _watch;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, IInstanceWatch> _watched = new(StringComparer.Ordinal);
    private ProbeOptions _options;
    private CancellationTokenSource? _source;
    private readonly TaskCompletionSource _named = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _following = Task.CompletedTask;
    private Task? _stopped;

    /// <summary>Watches nothing until <see cref="Follow"/>, and probes from this process.</summary>
    /// <param name="pool">The pool whose instances these are.</param>
    /// <param name="probeOf">How an engine is asked.</param>
    /// <param name="options">How often.</param>
    /// <param name="time">The wall clock, or a test's.</param>
    public PoolWatch(PoolHost pool, Func<EngineEndpoint, IEngineProbe> probeOf, ProbeOptions options, TimeProvider time)
        : this(pool, (endpoint, often) => new ProbedHere(new InstanceProber(pool, endpoint, probeOf(endpoint), time) { Options = often }), options)
    {
    }

    /// <summary>Watches nothing until <see cref="Follow"/>.</summary>
    /// <param name="pool">The pool whose instances these are.</param>
    /// <param name="watch">Begins to probe an instance.</param>
    /// <param name="options">How often they are probed.</param>
    public PoolWatch(PoolHost pool, Func<EngineEndpoint, ProbeOptions, IInstanceWatch> watch, ProbeOptions options)
    {
        (_pool, _watch, _options) = (pool, watch, options);
        pool.ProbeRequested = Nudge;
    }

    /// <summary>Ends when discovery has named the pool's instances for the first time and the pool has them: until then it seems to await none.</summary>
    public Task Named => _named.Task;

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
            foreach (IInstanceWatch watched in _watched.Values)
                watched.Change(options);
        }
    }

    /// <summary>Stops watching; the pool keeps the instances it has.</summary>
    public ValueTask DisposeAsync() => new(_stopped ??= StopAsync());

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task[] probing;
        lock (_gate)
            probing = [.. _watched.Values.Select(w => w.StopAsync())];
        await Task.WhenAll(probing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task FollowAsync(IDiscovery discovery, CancellationToken superseded)
    {
        await foreach (IReadOnlyList<EngineEndpoint> endpoints in discovery.WatchAsync(superseded))
        {
            Adopt(endpoints, superseded);
            await _pool.HandledAsync();
            if (!superseded.IsCancellationRequested)
                _named.TrySetResult();
        }
    }

    private void Adopt(IReadOnlyList<EngineEndpoint> endpoints, CancellationToken superseded)
    {
        lock (_gate)
        {
            if (superseded.IsCancellationRequested)
                return;
            foreach (string gone in _watched.Keys.Except(endpoints.Select(e => e.Id), StringComparer.Ordinal).ToList())
            {
                _watched.Remove(gone, out IInstanceWatch? watched);
                _ = watched!.StopAsync();
                _pool.Leave(gone);
            }
            foreach (EngineEndpoint endpoint in endpoints)
                if (!_watched.ContainsKey(endpoint.Id))
                {
                    _pool.Join(endpoint);
                    _watched.Add(endpoint.Id, _watch(endpoint, _options));
                }
        }
    }

    private void Nudge(string instance)
    {
        lock (_gate)
            if (_watched.TryGetValue(instance, out IInstanceWatch? watched))
                watched.Nudge();
    }
}
