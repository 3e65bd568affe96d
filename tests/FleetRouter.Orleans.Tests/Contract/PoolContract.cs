using System.Collections.Concurrent;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Hosting;

namespace FleetRouter.Orleans.Tests.Contract;

/// <summary>What whoever serves requests may expect of a pool, wherever it runs.</summary>
public abstract class PoolContract : IAsyncLifetime
{
    private readonly ScriptedFleet _fleet = new();
    private IPools _pools = null!;

    private readonly string _name = $"p{Guid.NewGuid():N}";

    /// <summary>The host in question.</summary>
    internal abstract IPools Open();

    public ValueTask InitializeAsync()
    {
        _pools = Open();
        return ValueTask.CompletedTask;
    }

    public virtual async ValueTask DisposeAsync()
    {
        await _pools.RetireAsync(_name);
        GC.SuppressFinalize(this);
    }

    private static PlacementRequest Request(string id) => new() { Id = id, Model = "m", Api = ApiKind.Chat, PromptTokens = 100, MaxOutputTokens = 100 };

    private PoolOptions OneEach(int most = 1) => new() { Name = _name, Policy = "round-robin", MaxRequestsPerInstance = most };

    /// <summary>A pool whose engines are ready.</summary>
    private async Task<IPool> StartAsync(PoolOptions options, int engines = 1)
    {
        _fleet.Names([.. Enumerable.Range(1, engines).Select(ScriptedFleet.Engine)]);
        IPool pool = await _pools.StartAsync(_fleet.Setup(options));
        await Eventually.Is(() => Task.FromResult(pool.Served), s => s.Models is [{ ReadyInstances: var ready }] && ready == engines);
        return pool;
    }

    private static Task<PoolView> ViewAsync(IPool pool, Predicate<PoolView> wanted) => Eventually.Is(pool.DescribeAsync, wanted);

    private static Task<Placement> PlaceAsync(IPool pool, string id, Action<CarryOver>? carryOver = null, CancellationToken gone = default) =>
        pool.PlaceAsync(Request(id), gone, carryOver).WaitAsync(TimeSpan.FromMinutes(1), CancellationToken.None);

    [Fact]
    public async Task A_request_is_placed_and_its_lease_counts_until_it_ends()
    {
        IPool pool = await StartAsync(OneEach());
        Placement placed = await PlaceAsync(pool, "a");
        Assert.Equal((ScriptedFleet.Engine(1).Id, ScriptedFleet.Engine(1).Address, 1), (placed.Instance, placed.Address, placed.Attempt));
        Assert.True(placed.Patience.FirstToken > TimeSpan.Zero && placed.Patience.NextToken > TimeSpan.Zero);
        Assert.Equal(1, (await pool.DescribeAsync()).Instances[0].Leases);
        pool.Progressed("a", 3);
        pool.Ended("a", RequestEnd.Completed, new TokenUsage(10, 0, 3));
        PoolView view = await ViewAsync(pool, v => v.Instances[0].Leases == 0);
        Assert.Equal((0L, 0L), (view.Instances[0].PendingPrefillTokens, view.Instances[0].DecodeTokens));
    }

    [Fact]
    public async Task A_held_request_is_answered_when_a_lease_ends()
    {
        IPool pool = await StartAsync(OneEach());
        await PlaceAsync(pool, "a");
        Task<Placement> held = PlaceAsync(pool, "b");
        await ViewAsync(pool, v => v.Held == 1);
        Assert.False(held.IsCompleted);
        pool.Ended("a", RequestEnd.Completed, null);
        Assert.Equal(ScriptedFleet.Engine(1).Id, (await held).Instance);
    }

    [Fact]
    public async Task A_client_that_leaves_while_held_leaves_nothing()
    {
        IPool pool = await StartAsync(OneEach());
        await PlaceAsync(pool, "a");
        using var gone = new CancellationTokenSource();
        Task<Placement> held = PlaceAsync(pool, "b", gone: gone.Token);
        await ViewAsync(pool, v => v.Held == 1);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
        pool.Ended("b", RequestEnd.ClientGone, null);
        await ViewAsync(pool, v => v.Held == 0);
        pool.Ended("a", RequestEnd.Completed, null);
        await ViewAsync(pool, v => v.Instances[0].Leases == 0);
    }

    [Fact]
    public async Task A_hold_that_runs_out_is_refused()
    {
        IPool pool = await StartAsync(OneEach() with { MaxHoldTime = TimeSpan.FromMilliseconds(50) });
        await PlaceAsync(pool, "a");
        Placement refused = await PlaceAsync(pool, "b");
        Assert.Equal(("hold-expired", null), (refused.Refusal?.Reason, refused.Instance));
        Assert.True(refused.Refusal!.RetryAfter > TimeSpan.Zero);
    }

    [Fact]
    public async Task An_attempt_that_failed_goes_elsewhere_until_all_were_tried()
    {
        IPool pool = await StartAsync(OneEach(10) with { MaxAttempts = 2, MaxEjectedShare = 0 }, engines: 3);
        Placement first = await PlaceAsync(pool, "a");
        Placement second = await pool.RetryAsync("a", AttemptFailure.Unreachable, "connection refused", 0, CancellationToken.None);
        Assert.NotEqual(first.Instance, second.Instance);
        Assert.Equal(2, second.Attempt);
        Placement third = await pool.RetryAsync("a", AttemptFailure.Unreachable, "connection refused", 0, CancellationToken.None);
        Assert.Equal("attempts-exhausted", third.Refusal?.Reason);
        pool.Ended("a", RequestEnd.Failed, null);
    }

    [Fact]
    public async Task An_answer_goes_on_behind_what_its_client_has()
    {
        IPool pool = await StartAsync(OneEach(10), engines: 2);
        Placement first = await PlaceAsync(pool, "a");
        pool.Progressed("a", 12);
        Placement second = await pool.RetryAsync("a", AttemptFailure.Broke, "reset", 12, CancellationToken.None);
        Assert.NotNull(second.Instance);
        Assert.NotEqual(first.Instance, second.Instance);
        pool.Ended("a", RequestEnd.Completed, null);
        await ViewAsync(pool, v => v.Instances.All(i => i.Leases == 0));
    }

    [Fact]
    public async Task A_drain_moves_what_waits_and_carries_over_what_is_answered()
    {
        IPool pool = await StartAsync(OneEach(10), engines: 2);
        var wishes = new ConcurrentDictionary<string, TaskCompletionSource<CarryOver>>();
        TaskCompletionSource<CarryOver> Wish(string id) => wishes.GetOrAdd(id, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        Placement a = await PlaceAsync(pool, "a", w => Wish("a").TrySetResult(w));
        Placement b = await PlaceAsync(pool, "b", w => Wish("b").TrySetResult(w));
        Assert.NotEqual(a.Instance, b.Instance);
        pool.Progressed("a", 5);
        await ViewAsync(pool, v => v.Instances.Single(i => i.Id == a.Instance).PendingPrefillTokens == 0);

        Task<InstanceView?> drained = pool.DrainAsync(a.Instance!, true, TimeSpan.Zero, TimeSpan.FromMinutes(1), CancellationToken.None);
        CarryOver carried = await Wish("a").Task.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((a.Instance, b.Instance, false, false), (carried.From, carried.To.Instance, carried.AtOnce, carried.IsHedge));
        Assert.Equal(ScriptedFleet.Engine(1).Address.Scheme, carried.To.Address!.Scheme);
        pool.MigrationEnded("a", 7);
        Assert.Equal((InstanceState.Draining, 0), (await drained is { } view ? (view.State, view.Leases) : default));

        Task<InstanceView?> back = pool.DrainAsync(a.Instance!, false, TimeSpan.Zero, TimeSpan.Zero, CancellationToken.None);
        Assert.NotEqual(InstanceState.Draining, (await back)!.State);
        await ViewAsync(pool, v => v.Instances.All(i => i.State == InstanceState.Ready));

        Task<InstanceView?> second = pool.DrainAsync(b.Instance!, true, TimeSpan.Zero, TimeSpan.Zero, CancellationToken.None);
        CarryOver moved = await Wish("b").Task.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((b.Instance, a.Instance, true), (moved.From, moved.To.Instance, moved.AtOnce));
        await second;
        pool.Ended("a", RequestEnd.Completed, null);
        pool.Ended("b", RequestEnd.Completed, null);
        await ViewAsync(pool, v => v.Instances.All(i => i.Leases == 0));
    }

    [Fact]
    public async Task A_late_first_token_is_asked_for_elsewhere_and_one_of_the_two_is_left()
    {
        IPool pool = await StartAsync(OneEach(100) with { HedgeBudget = 1 }, engines: 2);
        for (int i = 0; i < 200; i++)   // until it is known how long first tokens take
        {
            await PlaceAsync(pool, $"before-{i}");
            pool.Progressed($"before-{i}", 1);
            pool.Ended($"before-{i}", RequestEnd.Completed, null);
        }
        var wish = new TaskCompletionSource<CarryOver>(TaskCreationOptions.RunContinuationsAsynchronously);
        Placement placed = await PlaceAsync(pool, "late", w => wish.TrySetResult(w));
        CarryOver asked = await wish.Task.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.True(asked.IsHedge);
        Assert.NotEqual(placed.Instance, asked.To.Instance);
        pool.HedgeEnded("late", HedgeEnd.SecondWon);
        PoolView view = await ViewAsync(pool, v => v.Instances.Sum(i => i.Leases) == 1);
        Assert.Equal(asked.To.Instance, view.Instances.Single(i => i.Leases == 1).Id);
        pool.Ended("late", RequestEnd.Completed, null);
    }

    [Fact]
    public async Task Nobody_drains_what_is_not_there()
    {
        IPool pool = await StartAsync(OneEach());
        Assert.Null(await pool.DrainAsync("nobody:1", true, TimeSpan.Zero, TimeSpan.Zero, CancellationToken.None));
    }

    [Fact]
    public async Task Changed_options_count_for_who_waits()
    {
        IPool pool = await StartAsync(OneEach());
        await PlaceAsync(pool, "a");
        Task<Placement> held = PlaceAsync(pool, "b");
        await ViewAsync(pool, v => v.Held == 1);
        _pools.Change(_fleet.Setup(OneEach(2)));
        Assert.NotNull((await held).Instance);
        Assert.Equal(2, pool.Options.MaxRequestsPerInstance);
    }

    [Fact]
    public async Task What_it_serves_follows_its_instances()
    {
        IPool pool = await StartAsync(OneEach(), engines: 2);
        _fleet.Names(ScriptedFleet.Engine(2));
        await Eventually.Is(() => Task.FromResult(pool.Served), s => s.Models is [{ Name: "m", ReadyInstances: 1 }]);
        _fleet.Says(ScriptedFleet.Engine(2), new EngineReport(["m", "adapter"]));
        await Eventually.Is(() => Task.FromResult(pool.Served), s => s.Models.Count == 2);
    }

    [Fact]
    public async Task Clients_on_many_threads_leave_nothing()
    {
        const ulong seed = 77;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        IPool pool = await StartAsync(OneEach(3) with { MaxHeld = 6, MaxEjectedShare = 0 }, engines: 2);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(client => Task.Run(async () =>
        {
            var random = new SplitMix64(seed + (ulong)client);
            for (int i = 0; i < 150; i++)
            {
                string id = $"{client}-{i}";
                using var gone = new CancellationTokenSource();
                try
                {
                    Task<Placement> asked = pool.PlaceAsync(Request(id), gone.Token);
                    if (random.Below(4) == 0)
                        await gone.CancelAsync();
                    Placement placed = await asked;
                    if (placed.Refusal is null && random.Below(4) == 0)
                        placed = await pool.RetryAsync(id, AttemptFailure.Unreachable, "refused", 0, gone.Token);
                    if (placed.Refusal is null)
                        pool.Progressed(id, 1 + random.Below(300));
                }
                catch (OperationCanceledException)
                {
                    // Left while held.
                }
                finally
                {
                    pool.Ended(id, RequestEnd.Completed, null);
                }
            }
        }))).WaitAsync(TimeSpan.FromMinutes(3));
        PoolView view = await ViewAsync(pool, v => v.Held == 0 && v.Instances.All(i => i.Leases == 0));
        Assert.All(view.Instances, i => Assert.Equal((0L, 0L), (i.PendingPrefillTokens, i.DecodeTokens)));
    }
}

public sealed class EmbeddedPoolContract : PoolContract
{
    private readonly EmbeddedPools _pools = new(new HostClock(TimeProvider.System), (_, _) => { });

    internal override IPools Open() => _pools;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _pools.DisposeAsync();
    }
}

public sealed class ClusterPoolContract(ClusterPoolContract.Cluster cluster) : PoolContract, IClassFixture<ClusterPoolContract.Cluster>
{
    internal override IPools Open() => cluster.Silo;

    /// <summary>One silo for all of it: each test has a pool of its own.</summary>
    public sealed class Cluster : IAsyncLifetime
    {
        internal Silo Silo { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Silo = await SiloUnderTest.StartAsync();

        public ValueTask DisposeAsync() => Silo.DisposeAsync();
    }
}
