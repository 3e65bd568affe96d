using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Orleans.Tests;

/// <summary>Engines that are where a test says and answer their probes as it says.</summary>
internal sealed class ScriptedFleet : IDiscovery, IEngineProbe
{
    public const string Pool = "p";

    private readonly Lock _gate = new();
    private readonly List<Channel<IReadOnlyList<EngineEndpoint>>> _watchers = [];
    private readonly ConcurrentDictionary<string, EngineReport?> _reports = new();
    private IReadOnlyList<EngineEndpoint> _named = [];

    private readonly ConcurrentDictionary<string, int> _probes = new();

    /// <summary>Engines that were probed by this, and how often.</summary>
    public Dictionary<string, int> ProbesByEngine() => new(_probes);

    public static EngineEndpoint Engine(int number) => EngineEndpoint.At(new Uri($"http://127.0.0.1:{number}"));

    /// <summary>A pool of these engines.</summary>
    public PoolSetup Setup(PoolOptions? options = null) => new()
    {
        Options = options ?? new PoolOptions { Name = Pool, Policy = "round-robin" },
        Probe = new ProbeOptions { Interval = TimeSpan.FromMilliseconds(50) },
        Discovery = this,
        ProbeOf = _ => this,
        BeginJournal = _ => Task.FromResult<IJournal?>(null),
    };

    /// <summary>Names the engines there are from now on.</summary>
    public void Names(params IReadOnlyList<EngineEndpoint> engines)
    {
        lock (_gate)
        {
            _named = engines;
            foreach (Channel<IReadOnlyList<EngineEndpoint>> watcher in _watchers)
                watcher.Writer.TryWrite(engines);
        }
    }

    /// <summary>What an engine answers; null for nothing, ever.</summary>
    public void Says(EngineEndpoint engine, EngineReport? report) => _reports[engine.Address.Authority] = report;

    public async IAsyncEnumerable<IReadOnlyList<EngineEndpoint>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var sets = Channel.CreateUnbounded<IReadOnlyList<EngineEndpoint>>();
        lock (_gate)
        {
            _watchers.Add(sets);
            sets.Writer.TryWrite(_named);
        }
        await foreach (IReadOnlyList<EngineEndpoint> set in sets.Reader.ReadAllAsync(cancellation))
            yield return set;
    }

    public async Task<EngineReport> ProbeAsync(Uri address, CancellationToken cancellation)
    {
        _probes.AddOrUpdate(address.Authority, 1, (_, before) => before + 1);
        if (_reports.GetOrAdd(address.Authority, new EngineReport(["m"])) is { } report)
            return report;
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        throw new InvalidOperationException("it never answers");
    }
}
