using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Hosting;

public sealed class PoolHostTests
{
    private static readonly EngineEndpoint Engine = EngineEndpoint.At(new Uri("http://127.0.0.1:9001"));
    private readonly ManualTime _time = new();
    private readonly List<PoolEffect> _effects = [];

    private PoolHost Host(PoolOptions? options = null)
    {
        var host = new PoolHost(options ?? new PoolOptions { Name = "p", MaxRequestsPerInstance = 1 }, new HostClock(_time), (_, effect) => _effects.Add(effect));
        host.Join(Engine);
        host.Probed(Engine.Id, new EngineReport(["m"]));
        return host;
    }

    private static PlacementRequest Request(string id) => new() { Id = id, Model = "m", Api = ApiKind.Chat };

    [Fact]
    public async Task A_request_is_placed_at_once_where_there_is_room()
    {
        using PoolHost host = Host();
        Task<Placement> asked = host.PlaceAsync(Request("a"), CancellationToken.None);
        Assert.True(asked.IsCompletedSuccessfully);
        Placement placement = await asked;
        Assert.Equal((Engine.Id, Engine.Address), (placement.Instance, placement.Address));
        Assert.Equal(1, (await host.DescribeAsync()).Instances[0].Leases);
        host.Ended("a", RequestEnd.Completed, null);
        Assert.Equal(0, (await host.DescribeAsync()).Instances[0].Leases);
    }

    [Fact]
    public async Task A_held_request_is_answered_when_a_lease_ends()
    {
        using PoolHost host = Host();
        await host.PlaceAsync(Request("a"), CancellationToken.None);
        Task<Placement> held = host.PlaceAsync(Request("b"), CancellationToken.None);
        Assert.False(held.IsCompleted);
        Assert.Equal(1, (await host.DescribeAsync()).Held);
        host.Ended("a", RequestEnd.Completed, null);
        Assert.Equal(Engine.Id, (await held).Instance);
        Assert.Equal(0, (await host.DescribeAsync()).Held);
    }

    [Fact]
    public async Task A_request_cancelled_while_held_leaves_nothing()
    {
        using PoolHost host = Host();
        await host.PlaceAsync(Request("a"), CancellationToken.None);
        using var gone = new CancellationTokenSource();
        Task<Placement> held = host.PlaceAsync(Request("b"), gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
        Assert.Equal(0, (await host.DescribeAsync()).Held);
        host.Ended("b", RequestEnd.ClientGone, null);
        host.Ended("a", RequestEnd.Completed, null);
        PoolView view = await host.DescribeAsync();
        Assert.Equal((0, 0, 0L, 0L), (view.Held, view.Instances[0].Leases, view.Instances[0].PendingPrefillTokens, view.Instances[0].DecodeTokens));
        Assert.DoesNotContain(_effects, e => e is Dispatch { RequestId: "b" });
    }

    [Fact]
    public async Task A_client_gone_before_it_asked_leaves_nothing_either()
    {
        using PoolHost host = Host();
        await host.PlaceAsync(Request("a"), CancellationToken.None);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.PlaceAsync(Request("b"), new CancellationToken(true)));
        Assert.Equal(0, (await host.DescribeAsync()).Held);
    }

    [Fact]
    public async Task A_hold_that_runs_out_is_refused_by_the_alarm()
    {
        using PoolHost host = Host(new PoolOptions { Name = "p", MaxRequestsPerInstance = 1, MaxHoldTime = TimeSpan.FromSeconds(30) });
        await host.PlaceAsync(Request("a"), CancellationToken.None);
        Task<Placement> held = host.PlaceAsync(Request("b"), CancellationToken.None);
        Assert.Equal(TimeSpan.FromSeconds(30), await _time.AdvanceToNextTimerAsync());
        Placement refused = await held;
        Assert.Equal("hold-expired", refused.Refusal!.Reason);
        Assert.Null(refused.Instance);
    }

    [Fact]
    public async Task An_engine_that_shed_is_asked_again_when_its_rest_is_over()
    {
        using PoolHost host = Host();
        await host.PlaceAsync(Request("a"), CancellationToken.None);
        Task<Placement> retried = host.RetryAsync("a", AttemptFailure.EngineBusy, "503", 0, CancellationToken.None);
        Assert.False(retried.IsCompleted);
        Assert.Equal(TimeSpan.FromSeconds(1), await _time.AdvanceToNextTimerAsync());
        Assert.Equal((Engine.Id, 2), ((await retried).Instance, (await retried).Attempt));
    }

    [Fact]
    public async Task An_instance_out_of_reach_is_probed_at_once_and_the_request_refused_without_another()
    {
        using PoolHost host = Host();
        var probed = new List<string>();
        host.ProbeRequested = probed.Add;
        await host.PlaceAsync(Request("a"), CancellationToken.None);
        Task<Placement> retried = host.RetryAsync("a", AttemptFailure.Unreachable, "connection refused", 0, CancellationToken.None);
        Assert.Equal([Engine.Id], probed);
        Assert.False(retried.IsCompleted, "it may be well");
        host.ProbeFailed(Engine.Id, "connection refused");
        Assert.Equal("no-instance", (await retried).Refusal!.Reason);
    }

    [Fact]
    public async Task What_ends_twice_or_was_never_placed_changes_nothing()
    {
        using PoolHost host = Host();
        await host.PlaceAsync(Request("a"), CancellationToken.None);
        host.Ended("a", RequestEnd.Completed, null);
        host.Ended("a", RequestEnd.Failed, null);
        host.Ended("nobody", RequestEnd.Failed, null);
        host.Progressed("a", 5);
        PoolView view = await host.DescribeAsync();
        Assert.Equal((0, 0L), (view.Instances[0].Leases, view.Instances[0].PendingPrefillTokens));
    }

    [Fact]
    public async Task Clients_that_come_and_go_on_many_threads_leave_nothing()
    {
        const ulong seed = 99;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}");
        using PoolHost host = Host(new PoolOptions { Name = "p", MaxRequestsPerInstance = 3, MaxHeld = 4 });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(client => Task.Run(async () =>
        {
            var random = new SplitMix64(seed + (ulong)client);
            for (int i = 0; i < 300; i++)
            {
                string id = $"{client}-{i}";
                using var gone = new CancellationTokenSource();
                try
                {
                    Task<Placement> asked = host.PlaceAsync(Request(id), gone.Token);
                    if (random.Below(3) == 0)
                        await gone.CancelAsync();
                    Placement placement = await asked;
                    if (placement.Refusal is null && random.Below(4) == 0)
                    {
                        if (random.Below(2) == 0)
                            await gone.CancelAsync();
                        Task<Placement> retried = host.RetryAsync(id, AttemptFailure.EngineBusy, "503", 0, gone.Token);
                        // The clock stands still, so only a probe ends the engine's rest.
                        host.Probed(Engine.Id, new EngineReport(["m"], Running: 0, Waiting: 0));
                        placement = await retried;
                    }
                    if (placement.Refusal is null)
                        host.Progressed(id, 1 + random.Below(300));
                }
                catch (OperationCanceledException)
                {
                    // Left while held.
                }
                finally
                {
                    host.Ended(id, RequestEnd.Completed, null);
                }
            }
        }))).WaitAsync(TimeSpan.FromSeconds(60));
        PoolView view = await host.DescribeAsync();
        Assert.Equal((0, 0, 0L, 0L), (view.Held, view.Instances[0].Leases, view.Instances[0].PendingPrefillTokens, view.Instances[0].DecodeTokens));
    }
}
