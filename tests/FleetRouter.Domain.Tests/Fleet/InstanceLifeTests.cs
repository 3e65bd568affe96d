using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Fleet;

public sealed class InstanceLifeTests
{
    public enum Fact { Answers, ListsNoModel, MissesOne, MissesThree, Leaves, RequestCannotReachIt, RequestFindsItBusy }

    [Theory]
    [InlineData(InstanceState.Joined, Fact.Answers, InstanceState.Ready)]
    [InlineData(InstanceState.Joined, Fact.ListsNoModel, InstanceState.Suspect)]
    [InlineData(InstanceState.Joined, Fact.MissesOne, InstanceState.Joined)]
    [InlineData(InstanceState.Joined, Fact.MissesThree, InstanceState.Joined)]
    [InlineData(InstanceState.Joined, Fact.Leaves, InstanceState.Gone)]
    [InlineData(InstanceState.Ready, Fact.Answers, InstanceState.Ready)]
    [InlineData(InstanceState.Ready, Fact.ListsNoModel, InstanceState.Suspect)]
    [InlineData(InstanceState.Ready, Fact.MissesOne, InstanceState.Ready)]
    [InlineData(InstanceState.Ready, Fact.MissesThree, InstanceState.Suspect)]
    [InlineData(InstanceState.Ready, Fact.Leaves, InstanceState.Gone)]
    [InlineData(InstanceState.Ready, Fact.RequestCannotReachIt, InstanceState.Suspect)]
    [InlineData(InstanceState.Ready, Fact.RequestFindsItBusy, InstanceState.Ready)]
    [InlineData(InstanceState.Suspect, Fact.Answers, InstanceState.Ready)]
    [InlineData(InstanceState.Suspect, Fact.ListsNoModel, InstanceState.Suspect)]
    [InlineData(InstanceState.Suspect, Fact.MissesThree, InstanceState.Suspect)]
    [InlineData(InstanceState.Suspect, Fact.Leaves, InstanceState.Gone)]
    public void What_happens_to_an_instance_changes_its_state_and_says_why(InstanceState from, Fact happens, InstanceState to)
    {
        var pool = new PoolDriver();
        pool.Give(new InstanceJoined(pool.Now, "a"));
        if (from != InstanceState.Joined)
            pool.Probe("a");
        PlacementRequest request = pool.Request();
        if (happens is Fact.RequestCannotReachIt or Fact.RequestFindsItBusy)
            pool.Place(request);
        if (from == InstanceState.Suspect)
            Miss(pool, 3);
        Assert.Equal(from, pool.View("a").State);

        pool.Advance(7);
        int before = pool.Effects.Count;
        switch (happens)
        {
            case Fact.Answers: pool.Probe("a"); break;
            case Fact.ListsNoModel: pool.Give(new InstanceProbed(pool.Now, "a", new EngineReport([]))); break;
            case Fact.MissesOne: Miss(pool, 1); break;
            case Fact.MissesThree: Miss(pool, 3); break;
            case Fact.Leaves: pool.Give(new InstanceLeft(pool.Now, "a")); break;
            case Fact.RequestCannotReachIt: pool.Fail(request.Id, AttemptFailure.Unreachable); break;
            case Fact.RequestFindsItBusy: pool.Fail(request.Id, AttemptFailure.EngineBusy); break;
        }

        InstanceChanged[] changes = [.. pool.Effects[before..].OfType<InstanceChanged>()];
        if (to == from)
            Assert.Empty(changes);
        else
        {
            Assert.Equal((from, to), (changes.Single().From, changes.Single().To));
            Assert.NotEmpty(changes.Single().Reason);
        }
        if (to == InstanceState.Gone)
            Assert.Empty(pool.Pool.Describe().Instances);
        else
            Assert.Equal((to, TimeSpan.FromSeconds(to == from ? 0 : 7)), (pool.View("a").State, pool.View("a").Since));
    }

    [Fact]
    public void A_probe_in_between_starts_the_count_of_missed_ones_anew()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        Miss(pool, 2);
        pool.Probe("a");
        Miss(pool, 2);
        Assert.Equal(InstanceState.Ready, pool.View("a").State);
    }

    [Fact]
    public void An_instance_out_of_reach_is_probed_at_once()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a", "b");
        PlacementRequest request = pool.Request();
        string first = pool.Place(request).Instance;
        Assert.Equal(first, pool.Fail(request.Id, AttemptFailure.Unreachable).OfType<ProbeNow>().Single().Instance);
        string second = pool.Effects.OfType<Dispatch>().Last().Instance;
        Assert.Equal(second, pool.End(request.Id, RequestEnd.EngineBroke).OfType<ProbeNow>().Single().Instance);
    }

    [Fact]
    public void An_instance_that_left_is_not_probed_and_its_requests_run_to_their_end()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        PlacementRequest ends = pool.Request(), breaks = pool.Request();
        pool.Place(ends);
        pool.Place(breaks);
        pool.Give(new InstanceLeft(pool.Now, "a"));
        pool.Give(new InstanceJoined(pool.Now, "a"));
        pool.Probe("a");
        Assert.Equal(0, pool.View("a").Leases);   // another instance under the same name
        Assert.Empty(pool.End(ends.Id));
        Assert.DoesNotContain(pool.End(breaks.Id, RequestEnd.EngineBroke), e => e is ProbeNow);
        Assert.Equal(0, pool.View("a").Leases);
    }

    [Fact]
    public void A_busy_engine_is_left_alone_for_a_second_but_not_called_suspect()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        PlacementRequest request = pool.Request();
        pool.Place(request);
        Assert.Contains(pool.Fail(request.Id, AttemptFailure.EngineBusy), e => e is Held);
        Assert.Equal(InstanceState.Ready, pool.View("a").State);
        Assert.Empty(pool.Advance(0.999).OfType<Dispatch>());
        Dispatch again = pool.Advance(0.001).OfType<Dispatch>().Single();
        Assert.Equal((request.Id, 2), (again.RequestId, again.Decision.Attempt));
    }

    [Fact]
    public void A_busy_engine_whose_queue_a_probe_finds_empty_is_asked_again_at_once()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        PlacementRequest request = pool.Request();
        pool.Place(request);
        pool.Fail(request.Id, AttemptFailure.EngineBusy);
        Assert.Empty(pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { Waiting = 3 })).OfType<Dispatch>());
        Assert.Single(pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { Waiting = 0 })).OfType<Dispatch>());
    }

    [Fact]
    public void What_the_pool_serves_is_published_anew_only_when_it_changes()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        ServedModels served = pool.Pool.Served;
        Assert.Equal([new ServedModel(PoolDriver.Model, 1)], served.Models);
        pool.Probe("a");
        pool.Serve(pool.Request());
        Assert.Same(served, pool.Pool.Served);
        pool.Probe("a", "adapter", PoolDriver.Model);
        Assert.Equal(["adapter", PoolDriver.Model], pool.Pool.Served.Models.Select(m => m.Name));
        Miss(pool, 3);
        Assert.All(pool.Pool.Served.Models, m => Assert.Equal(0, m.ReadyInstances));
        pool.Give(new InstanceLeft(pool.Now, "a"));
        Assert.Empty(pool.Pool.Served.Models);
    }

    [Fact]
    public void Events_about_what_the_pool_does_not_know_change_nothing()
    {
        PoolDriver pool = PoolDriver.WithReady(null, "a");
        Assert.Empty(pool.Give(new InstanceProbed(pool.Now, "z", PoolDriver.Report())));
        Assert.Empty(pool.Give(new ProbeFailed(pool.Now, "z", "timeout")));
        Assert.Empty(pool.Give(new InstanceLeft(pool.Now, "z")));
        Assert.Empty(pool.Give(new InstanceJoined(pool.Now, "a")));
        Assert.Empty(pool.Progress("no such request"));
        Assert.Empty(pool.End("no such request"));
        Assert.Empty(pool.Fail("no such request", AttemptFailure.Unreachable));
        Assert.Equal(InstanceState.Ready, pool.View("a").State);
    }

    private static void Miss(PoolDriver pool, int probes)
    {
        for (int i = 0; i < probes; i++)
            pool.Give(new ProbeFailed(pool.Now, "a", "connection refused"));
    }
}
