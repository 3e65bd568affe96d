using FleetRouter.LoadGen.Client;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>Watches, by their metrics, whether gateways of a cluster reach the pool, and how long their requests waited to be placed.</summary>
internal sealed class PoolReach(IReadOnlyList<Uri> gateways, RunClock clock)
{
    /// <summary>A request that takes longer to be placed has waited for a pool that was lost.</summary>
    public const double LongS = 0.25;

    /// <summary>How long a process that just started is cold: what its first requests wait for is its compiler, not a pool.</summary>
    public static readonly TimeSpan Cold = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private readonly TimeSpan?[] _unreachedSince = new TimeSpan?[gateways.Count];
    private readonly Life?[] _lives = new Life?[gateways.Count];
    private readonly List<Life> _over = [];
    private readonly Lock _gate = new();

    /// <summary>Longest time since <see cref="Forget"/> in which a gateway that ran did not reach the pool.</summary>
    public TimeSpan Longest { get; private set; }

    /// <summary>The gateway whose silo runs the pool; null while none is seen to.</summary>
    public int? Host { get; private set; }

    /// <summary>Requests that waited longer than <see cref="LongS"/> to be placed, by processes that were not cold any more.</summary>
    public int Late => (int)Lives.Sum(life => life.Late - life.LateCold);

    /// <summary>Requests that waited so long at processes that had just started.</summary>
    public int LateCold => (int)Lives.Sum(life => life.LateCold);

    /// <summary>Requests that gateways placed alone.</summary>
    public int Alone => (int)Lives.Sum(life => life.Alone);

    private IEnumerable<Life> Lives => _over.Concat(_lives.OfType<Life>());

    /// <summary>Measures anew.</summary>
    public void Forget() => Longest = TimeSpan.Zero;

    public async Task Run(CancellationToken enough)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromSeconds(2) }) { Timeout = TimeSpan.FromSeconds(1) };
        await Task.WhenAll(Enumerable.Range(0, gateways.Count).Select(gateway => Watch(http, gateway, enough)));   // each by itself: one that is frozen answers nobody
    }

    private async Task Watch(HttpClient http, int gateway, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            await Ask(http, gateway, enough);
            await Task.Delay(Look, enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task Ask(HttpClient http, int gateway, CancellationToken enough)
    {
        var page = await MetricsReading.TryGet(http, gateways[gateway], enough);
        lock (_gate)
        {
            if (page is not null)
            {
                Saw(gateway, page);
                return;
            }
            _unreachedSince[gateway] = null;   // it does not run
            if (Host == gateway) Host = null;
        }
    }

    private void Saw(int gateway, MetricsReading page)
    {
        if (page.SumBy("fleetrouter_instance_leases", "pool").Count > 0) Host = gateway;
        var late = page.Sum("fleetrouter_placement_time_seconds_count") - page.AtMost("fleetrouter_placement_time_seconds", LongS);
        var started = page.Sum("process_start_time_seconds");
        if (_lives[gateway] is not { } life || life.Started != started)
        {
            if (_lives[gateway] is { } before) _over.Add(before);
            _lives[gateway] = life = new Life(started, clock.Now);
        }
        (life.Late, life.Alone) = (late, page.Sum("fleetrouter_fallback_placements_total"));
        if (clock.Now - life.SeenAt < Cold) life.LateCold = late;
        if (page.Sum("fleetrouter_pool_reached") > 0)
        {
            _unreachedSince[gateway] = null;
            return;
        }
        _unreachedSince[gateway] ??= clock.Now;
        if (clock.Now - _unreachedSince[gateway] is { } without && without > Longest) Longest = without;
    }

    /// <summary>One process of a gateway, and what it told last.</summary>
    private sealed class Life(double started, TimeSpan seenAt)
    {
        public double Started => started;
        public TimeSpan SeenAt => seenAt;
        public double Late, LateCold, Alone;
    }
}
