using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Hosting;

public sealed class PoolWatchTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private readonly Channel<string> _turns = Channel.CreateUnbounded<string>();
    private readonly ConcurrentDictionary<string, int> _probes = new();
    private readonly ManualResetEventSlim _busy = new(true);
    private readonly PoolHost _pool;
    private readonly PoolWatch _watch;

    public PoolWatchTests()
    {
        _pool = new PoolHost(new PoolOptions { Name = "p" }, new HostClock(_time), (_, effect) =>
        {
            if (effect is not InstanceChanged e)
                return;
            _turns.Writer.TryWrite($"{e.Instance} {e.To}");
            if (e.To == InstanceState.Gone)
                _busy.Wait();
        });
        _watch = new PoolWatch(_pool, _ => new CountingProbe(_probes), new ProbeOptions(), _time);
    }

    private static EngineEndpoint Engine(int port) => EngineEndpoint.At(new Uri($"http://127.0.0.1:{port}"));

    private async Task<string[]> TurnsAsync(int count)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var turns = new List<string>();
        while (turns.Count < count)
            turns.Add(await _turns.Reader.ReadAsync(late.Token));
        return [.. turns.Order(StringComparer.Ordinal)];
    }

    private async Task<string[]> InstancesAsync() => [.. (await _pool.DescribeAsync()).Instances.Select(i => i.Id)];

    [Fact]
    public async Task Named_engines_join_are_probed_and_leave_when_no_longer_named()
    {
        var discovery = new ScriptedDiscovery();
        _watch.Follow(discovery);
        discovery.Names(Engine(1), Engine(2));
        Assert.Equal(["127.0.0.1:1 Joined", "127.0.0.1:1 Ready", "127.0.0.1:2 Joined", "127.0.0.1:2 Ready"], await TurnsAsync(4));

        discovery.Names(Engine(2), Engine(3));
        Assert.Equal(["127.0.0.1:1 Gone", "127.0.0.1:3 Joined", "127.0.0.1:3 Ready"], await TurnsAsync(3));
        Assert.Equal(["127.0.0.1:2", "127.0.0.1:3"], await InstancesAsync());

        discovery.Names();
        Assert.Equal(["127.0.0.1:2 Gone", "127.0.0.1:3 Gone"], await TurnsAsync(2));
    }

    [Fact]
    public async Task Engines_another_discovery_names_too_stay_as_they_are()
    {
        var first = new ScriptedDiscovery();
        _watch.Follow(first);
        first.Names(Engine(1), Engine(2));
        await TurnsAsync(4);

        var second = new ScriptedDiscovery();
        _watch.Follow(second);
        second.Names(Engine(2), Engine(3));
        Assert.Equal(["127.0.0.1:1 Gone", "127.0.0.1:3 Joined", "127.0.0.1:3 Ready"], await TurnsAsync(3));

        // What the superseded one says no longer counts.
        await first.Ended.WaitAsync(TimeSpan.FromSeconds(60));
        first.Names(Engine(9));
        second.Names(Engine(2));
        Assert.Equal(["127.0.0.1:3 Gone"], await TurnsAsync(1));
        Assert.Equal(["127.0.0.1:2"], await InstancesAsync());
    }

    [Fact]
    public async Task An_engine_named_twice_joins_once()
    {
        var discovery = new ScriptedDiscovery();
        _watch.Follow(discovery);
        discovery.Names(Engine(1), Engine(1));
        await TurnsAsync(2);
        Assert.Equal(["127.0.0.1:1"], await InstancesAsync());
    }

    [Fact]
    public async Task Engines_count_as_named_once_a_pool_that_is_busy_has_them()
    {
        _pool.Join(Engine(9));
        _busy.Reset();
        Task busy = Task.Run(() => _pool.Leave(Engine(9).Id));
        await TurnsAsync(2);
        var discovery = new ScriptedDiscovery();
        _watch.Follow(discovery);
        discovery.Names(Engine(1));
        await _time.UntilWaitedForAsync();   // the prober has asked and rests
        Assert.False(_watch.Named.IsCompleted);
        _busy.Set();
        await _watch.Named.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.NotEqual(ServedModels.None, _pool.Served);
        await busy;
    }

    [Fact]
    public async Task An_instance_out_of_reach_is_probed_at_once()
    {
        var discovery = new ScriptedDiscovery();
        _watch.Follow(discovery);
        discovery.Names(Engine(1));
        await TurnsAsync(2);
        await _pool.PlaceAsync(new() { Id = "a", Model = "m", Api = Domain.Placement.ApiKind.Chat }, CancellationToken.None);
        await _pool.RetryAsync("a", AttemptFailure.Unreachable, "refused", 0, CancellationToken.None);
        Assert.Equal(["127.0.0.1:1 Ready", "127.0.0.1:1 Suspect"], await TurnsAsync(2));
        Assert.Equal(2, _probes["127.0.0.1:1"]);
    }

    [Fact]
    public async Task What_is_in_flight_on_an_engine_that_leaves_ends_without_a_trace()
    {
        var discovery = new ScriptedDiscovery();
        _watch.Follow(discovery);
        discovery.Names(Engine(1));
        await TurnsAsync(2);
        await _pool.PlaceAsync(new() { Id = "a", Model = "m", Api = Domain.Placement.ApiKind.Chat }, CancellationToken.None);
        discovery.Names();
        await TurnsAsync(1);
        _pool.Progressed("a", 3);
        _pool.Ended("a", RequestEnd.Completed, new TokenUsage(3, null, 3));
        discovery.Names(Engine(1));
        await TurnsAsync(2);
        Assert.Equal(0, (await _pool.DescribeAsync()).Instances[0].Leases);
    }

    public async ValueTask DisposeAsync()
    {
        _busy.Set();   // also where a test failed in between
        await _watch.DisposeAsync();
        _pool.Dispose();
        _busy.Dispose();
    }

    private sealed class CountingProbe(ConcurrentDictionary<string, int> probes) : IEngineProbe
    {
        public Task<EngineReport> ProbeAsync(Uri address, CancellationToken cancellation)
        {
            probes.AddOrUpdate(address.Authority, 1, (_, before) => before + 1);
            return Task.FromResult(new EngineReport(["m"]));
        }
    }

    /// <summary>A discovery that names what a test tells it.</summary>
    private sealed class ScriptedDiscovery : IDiscovery
    {
        private readonly Channel<IReadOnlyList<EngineEndpoint>> _sets = Channel.CreateUnbounded<IReadOnlyList<EngineEndpoint>>();
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when nobody follows it any more.</summary>
        public Task Ended => _ended.Task;

        public void Names(params EngineEndpoint[] engines) => _sets.Writer.TryWrite(engines);

        public async IAsyncEnumerable<IReadOnlyList<EngineEndpoint>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
        {
            try
            {
                await foreach (IReadOnlyList<EngineEndpoint> set in _sets.Reader.ReadAllAsync(cancellation))
                    yield return set;
            }
            finally
            {
                _ended.TrySetResult();
            }
        }
    }
}
