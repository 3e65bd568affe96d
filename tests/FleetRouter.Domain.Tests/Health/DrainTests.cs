using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Health;

public sealed class DrainTests
{
    private readonly PoolDriver _pool = PoolDriver.WithReady(null, "a", "b");

    /// <summary>One that stays where it is until it ends.</summary>
    private static PlacementRequest Request(PoolDriver pool) => pool.Request() with { CanMove = false };

    private IReadOnlyList<PoolEffect> Drain(string instance, bool drains = true) => _pool.Give(new DrainOrdered(_pool.Now, instance, drains));

    [Fact]
    public void An_instance_that_drains_takes_nothing_new_and_is_told_empty_once_its_last_request_ends()
    {
        Dispatch[] sent = [.. Enumerable.Range(0, 8).Select(_ => _pool.Place(Request(_pool)))];
        Dispatch[] there = [.. sent.Where(d => d.Instance == "a")];
        Assert.NotEmpty(there);
        Assert.DoesNotContain(Drain("a"), e => e is InstanceEmptied);
        Assert.Equal(InstanceState.Draining, _pool.View("a").State);
        Assert.All(Enumerable.Range(0, 20), _ => Assert.Equal("b", _pool.Place(Request(_pool)).Instance));
        _pool.Advance(3);
        var told = there.SelectMany(d => _pool.End(d.RequestId)).OfType<InstanceEmptied>().ToList();
        Assert.Equal([new InstanceEmptied("a", InstanceState.Draining, TimeSpan.FromSeconds(3))], told);
        Assert.Equal("told to drain; empty", _pool.View("a").Reason);
    }

    [Fact]
    public void One_that_has_nothing_is_told_empty_at_once_and_as_often_as_it_is_asked()
    {
        Assert.Single(Drain("a"), e => e is InstanceEmptied { Instance: "a" });
        Assert.Single(Drain("a"), e => e is InstanceEmptied { Instance: "a" });
        Assert.Empty(_pool.Advance(5).OfType<InstanceEmptied>());
    }

    [Fact]
    public void It_stays_draining_through_lost_probes_a_restart_and_an_engine_without_models_until_that_is_taken_back()
    {
        Drain("a");
        TimeSpan since = _pool.View("a").Since;
        _pool.Advance(1);
        for (int i = 0; i < 5; i++)
            _pool.Give(new ProbeFailed(_pool.Now, "a", "connection refused"));
        _pool.Give(new InstanceProbed(_pool.Now, "a", new EngineReport([])));
        _pool.Give(new InstanceProbed(_pool.Now, "a", PoolDriver.Report() with { StartedAtSeconds = 9 }));
        Assert.Equal((InstanceState.Draining, since), (_pool.View("a").State, _pool.View("a").Since));

        Assert.Contains(new ProbeNow("a"), Drain("a", false));
        Assert.Equal(InstanceState.Joined, _pool.View("a").State);
        _pool.Probe("a");
        Assert.Equal(InstanceState.Ready, _pool.View("a").State);
        Assert.Contains(Enumerable.Range(0, 20).Select(_ => _pool.Place(Request(_pool)).Instance), i => i == "a");
    }

    [Fact]
    public void Who_waits_for_it_goes_elsewhere()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "dual-hash", MaxRequestsPerInstance = 1 }, "a", "b");
        Dispatch[] first = [pool.Place(Request(pool)), pool.Place(Request(pool))];
        PlacementRequest waits = Request(pool);
        Assert.IsType<Held>(pool.Arrive(waits));
        pool.Give(new DrainOrdered(pool.Now, "a", true));
        Assert.DoesNotContain(pool.End(first.Single(d => d.Instance == "a").RequestId), e => e is Dispatch);
        Assert.Equal(("b", waits.Id), pool.End(first.Single(d => d.Instance == "b").RequestId).OfType<Dispatch>().Select(d => (d.Instance, d.RequestId)).Single());
    }

    [Fact]
    public void One_that_discovery_drops_is_shown_until_its_requests_are_over()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        Dispatch sent = pool.Place(pool.Request());
        pool.Give(new InstanceLeft(pool.Now, "a"));
        InstanceView leaving = Assert.Single(pool.Pool.Describe().Leaving);
        Assert.Equal(("a", InstanceState.Gone, 1), (leaving.Id, leaving.State, leaving.Leases));
        Assert.Single(pool.End(sent.RequestId), e => e is InstanceEmptied { State: InstanceState.Gone });
        Assert.Empty(pool.Pool.Describe().Leaving);
    }
}
