using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Placement;

public sealed class PlainPoliciesTests
{
    private static readonly PoolOptions RoundRobin = new() { Name = "test", Policy = "round-robin" };

    [Fact]
    public void Round_robin_goes_to_each_in_turn()
    {
        PoolDriver pool = PoolDriver.WithReady(RoundRobin, "a", "b", "c");
        Assert.Equal(["a", "b", "c", "a", "b", "c"], Enumerable.Range(0, 6).Select(_ => pool.Place(pool.Request()).Instance));
        Assert.All(pool.Effects.OfType<Dispatch>(), d => Assert.Equal(PlacementRule.RoundRobin, d.Decision.Rule));
    }

    [Fact]
    public void Round_robin_passes_over_the_saturated()
    {
        PoolDriver pool = PoolDriver.WithReady(RoundRobin with { MaxRequestsPerInstance = 1 }, "a", "b", "c");
        pool.Place(pool.Request());
        Assert.Equal("b", pool.Serve(pool.Request()).Instance);
        Assert.Equal("c", pool.Serve(pool.Request()).Instance);
        Assert.Equal("b", pool.Serve(pool.Request()).Instance);
    }

    [Fact]
    public void Round_robin_gives_each_model_turns_of_its_own()
    {
        var pool = new PoolDriver(RoundRobin);
        pool.MakeReady("a", "x", "y");
        pool.MakeReady("b", "x", "y");
        // Two models asked for alternately: with one common turn each would always meet the same instance.
        var places = new List<(string Model, string Instance)>();
        for (int i = 0; i < 8; i++)
            places.Add((i % 2 == 0 ? "x" : "y", pool.Serve(pool.Request(model: i % 2 == 0 ? "x" : "y")).Instance));
        Assert.Equal(["a", "b", "a", "b"], places.Where(p => p.Model == "x").Select(p => p.Instance));
        Assert.Equal(["a", "b", "a", "b"], places.Where(p => p.Model == "y").Select(p => p.Instance));
    }

    [Fact]
    public void Least_load_takes_the_least_queued_prefill_then_the_one_rested_longest()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "least-load" }, "a", "b", "c");
        Assert.Equal("a", pool.Place(pool.Request(Prompts.Of((1, 30)))).Instance);
        Assert.Equal("b", pool.Place(pool.Request(Prompts.Of((2, 20)))).Instance);
        Assert.Equal("c", pool.Place(pool.Request(Prompts.Of((3, 10)))).Instance);
        Assert.Equal("c", pool.Place(pool.Request(Prompts.Of((4, 8)))).Instance);
        Dispatch last = pool.Place(pool.Request(Prompts.Of((5, 1))));
        Assert.Equal(("c", PlacementRule.LeastLoad), (last.Instance, last.Decision.Rule));
    }

    [Fact]
    public void The_policy_in_force_changes_with_the_options()
    {
        PoolDriver pool = PoolDriver.WithReady(RoundRobin, "a", "b");
        pool.Give(new OptionsChanged(pool.Now, RoundRobin with { Policy = "dual-hash" }));
        Assert.Equal("dual-hash", pool.Place(pool.Request()).Decision.Policy);
        Assert.Equal("dual-hash", pool.Pool.Describe().Policy);
    }

    [Fact]
    public void An_unknown_policy_is_refused_with_the_known_ones_and_changes_nothing()
    {
        PoolDriver pool = PoolDriver.WithReady(RoundRobin, "a");
        var wrong = RoundRobin with { Policy = "magic" };
        Assert.Contains("dual-hash, least-load, round-robin", Assert.Throws<ArgumentException>(() => new Pool(wrong)).Message);
        Assert.Throws<ArgumentException>(() => pool.Give(new OptionsChanged(pool.Now, wrong)));
        Assert.Equal("round-robin", pool.Place(pool.Request()).Decision.Policy);
    }
}
