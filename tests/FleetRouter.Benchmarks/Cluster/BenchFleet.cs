using System.Runtime.CompilerServices;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>Engines that are there in name only: always found, always well.</summary>
internal sealed class BenchFleet : IDiscovery, IEngineProbe
{
    public const string Pool = "bench", Model = "model";
    public const int Engines = 16;

    private static readonly EngineReport Well = new([Model]);

    /// <summary>Their pool, with room for all that the benchmark ever has under way, and speed for all the prompts: what is measured is placing,
    /// not holding.</summary>
    public PoolSetup Setup() => new()
    {
        Options = new PoolOptions
        {
            Name = Pool, MaxRequestsPerInstance = 10_000, KvCapacityTokens = 1_000_000, PrefillTokensPerSecond = 1e9,
            InterTokenSlo = TimeSpan.FromMinutes(10),
        },
        Probe = new ProbeOptions(),
        Discovery = this,
        ProbeOf = _ => this,
        BeginJournal = _ => Task.FromResult<IJournal?>(null),
    };

    /// <summary>Returns once all engines are ready in what <paramref name="pool"/> serves.</summary>
    /// <exception cref="TimeoutException">They are not within 20 s.</exception>
    public static async Task ReadyAsync(IPool pool, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (pool.Served.Models is not [{ ReadyInstances: Engines }])
        {
            await Task.Delay(50, patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.ThrowIfCancellationRequested();
            if (patience.IsCancellationRequested)
                throw new TimeoutException("the pool's engines were not ready within 20 s");
        }
    }

    public async IAsyncEnumerable<IReadOnlyList<EngineEndpoint>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return [.. Enumerable.Range(1, Engines).Select(i => EngineEndpoint.At(new Uri($"http://10.0.0.{i}:8000")))];
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
    }

    public Task<EngineReport> ProbeAsync(Uri address, CancellationToken cancellation) => Task.FromResult(Well);
}
