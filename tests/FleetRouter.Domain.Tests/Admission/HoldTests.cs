using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Admission;

public sealed class HoldTests
{
    private static readonly PoolOptions OneEach = new() { Name = "test", Policy = "dual-hash", MaxRequestsPerInstance = 1 };

    [Fact]
    public void A_request_no_instance_can_take_is_held_and_bound_when_one_comes_free()
    {
        PoolDriver pool = PoolDriver.WithReady(OneEach, "a", "b");
        string first = pool.Place(pool.Request()).RequestId;
        pool.Place(pool.Request());
        PlacementRequest late = pool.Request();
        Assert.IsType<Held>(pool.Arrive(late));
        Assert.Equal(1, pool.Pool.Describe().Held);
        pool.Advance(2.5);
        Dispatch bound = pool.End(first).OfType<Dispatch>().Single();
        Assert.Equal((late.Id, TimeSpan.FromSeconds(2.5)), (bound.RequestId, bound.Decision.HeldFor));
        Assert.Equal(0, pool.Pool.Describe().Held);
    }

    [Fact]
    public void Held_requests_are_bound_in_the_order_they_came_and_nobody_overtakes()
    {
        PoolDriver pool = PoolDriver.WithReady(OneEach, "a");
        string running = pool.Place(pool.Request()).RequestId;
        PlacementRequest[] waiting = [.. Enumerable.Range(0, 5).Select(_ => pool.Request())];
        foreach (PlacementRequest request in waiting)
            Assert.IsType<Held>(pool.Arrive(request));
        foreach (PlacementRequest request in waiting)
        {
            Assert.Equal(request.Id, pool.End(running).OfType<Dispatch>().Single().RequestId);
            running = request.Id;
        }
    }

    [Fact]
    public void A_small_prompt_does_not_overtake_a_large_one_that_waits_for_room()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "dual-hash", KvCapacityTokens = 10_000 }, "a");
        string running = pool.Place(pool.Request(Prompts.Of((1, 100)))).RequestId;
        PlacementRequest large = pool.Request(Prompts.Of((2, 100))), small = pool.Request(Prompts.Of((3, 1)));
        Assert.IsType<Held>(pool.Arrive(large));
        Assert.IsType<Held>(pool.Arrive(small));
        Assert.Equal([large.Id, small.Id], pool.End(running).OfType<Dispatch>().Select(d => d.RequestId));
    }

    [Fact]
    public void When_the_head_of_the_queue_leaves_those_behind_it_are_bound()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "dual-hash", KvCapacityTokens = 10_000 }, "a");
        pool.Place(pool.Request(Prompts.Of((1, 100))));
        PlacementRequest large = pool.Request(Prompts.Of((2, 100))), small = pool.Request(Prompts.Of((3, 1)));
        pool.Arrive(large);
        pool.Arrive(small);
        Assert.Equal(small.Id, pool.End(large.Id, RequestEnd.ClientGone).OfType<Dispatch>().Single().RequestId);
    }

    [Fact]
    public void When_the_head_of_the_queue_is_refused_those_behind_it_are_bound()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "dual-hash", KvCapacityTokens = 10_000 }, "a");
        pool.Place(pool.Request(Prompts.Of((1, 100))));
        PlacementRequest large = pool.Request(Prompts.Of((2, 100))), small = pool.Request(Prompts.Of((3, 1)));
        pool.Arrive(large);
        pool.Advance(1);
        pool.Arrive(small);
        IReadOnlyList<PoolEffect> effects = pool.Advance(29);
        Assert.Equal(large.Id, effects.OfType<Refuse>().Single().RequestId);
        Assert.Equal(small.Id, effects.OfType<Dispatch>().Single().RequestId);
    }

    [Fact]
    public void A_prompt_longer_than_any_cache_is_the_engines_to_refuse_and_holds_nobody_up()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "dual-hash", KvCapacityTokens = 10_000 }, "a");
        pool.Place(pool.Request(Prompts.Of((1, 100))));
        Assert.IsType<Dispatch>(pool.Arrive(pool.Request(Prompts.Of((2, 1_000)))));
    }

    [Fact]
    public void A_request_is_held_no_longer_than_it_may_be()
    {
        PoolDriver pool = PoolDriver.WithReady(OneEach, "a");
        pool.Place(pool.Request());
        PlacementRequest held = pool.Request();
        pool.Arrive(held);
        Assert.Empty(pool.Advance(29.999).OfType<Refuse>());
        Refuse refused = pool.Advance(0.001).OfType<Refuse>().Single();
        Assert.Equal((held.Id, RefusalKind.Busy, "hold-expired"), (refused.RequestId, refused.Refusal.Kind, refused.Refusal.Reason));
        Assert.Equal((PlacementRule.Refused, TimeSpan.FromSeconds(30)), (refused.Decision.Rule, refused.Decision.HeldFor));
        Assert.Equal("request-limit", refused.Decision.Candidates.Single().Refused);
    }

    [Fact]
    public void A_shorter_hold_time_counts_for_those_already_held_too()
    {
        PoolDriver pool = PoolDriver.WithReady(OneEach, "a");
        pool.Place(pool.Request());
        PlacementRequest before = pool.Request(), after = pool.Request();
        pool.Arrive(before);
        pool.Give(new OptionsChanged(pool.Now, OneEach with { MaxHoldTime = TimeSpan.FromSeconds(5) }));
        pool.Arrive(after);
        Assert.Equal([before.Id, after.Id], pool.Advance(5).OfType<Refuse>().Select(r => r.RequestId));
    }

    [Fact]
    public void A_full_queue_refuses_as_busy()
    {
        PoolDriver pool = PoolDriver.WithReady(OneEach with { MaxHeld = 2 }, "a");
        pool.Place(pool.Request());
        pool.Arrive(pool.Request());
        pool.Arrive(pool.Request());
        Refuse refused = Assert.IsType<Refuse>(pool.Arrive(pool.Request()));
        Assert.Equal((RefusalKind.Busy, "hold-queue-full"), (refused.Refusal.Kind, refused.Refusal.Reason));
        Assert.Equal(2, pool.Pool.Describe().Held);
    }

    [Fact]
    public void A_hold_for_a_model_that_left_keeps_nobody_else_waiting()
    {
        var pool = new PoolDriver(OneEach);
        pool.MakeReady("a", "x");
        pool.MakeReady("b", "y");
        pool.Place(pool.Request(model: "x"));
        string running = pool.Place(pool.Request(model: "y")).RequestId;
        pool.Arrive(pool.Request(model: "x"));
        PlacementRequest waiting = pool.Request(model: "y");
        pool.Arrive(waiting);
        pool.Give(new InstanceLeft(pool.Now, "a"));   // only y is served now
        Assert.Equal(waiting.Id, pool.End(running).OfType<Dispatch>().Single().RequestId);
    }

    [Fact]
    public void A_request_that_tried_every_instance_in_vain_is_refused_rather_than_held()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "dual-hash", MaxAttempts = 5 }, "a", "b");
        PlacementRequest unlucky = pool.Request();
        string first = pool.Place(unlucky).Instance;
        pool.Fail(unlucky.Id, AttemptFailure.Unreachable);
        pool.Probe(first);   // it was a hiccup: both serve again
        Refuse refused = pool.Fail(unlucky.Id, AttemptFailure.Unreachable).OfType<Refuse>().Single();
        Assert.Equal((RefusalKind.Broken, "attempts-exhausted"), (refused.Refusal.Kind, refused.Refusal.Reason));
        Assert.IsType<Dispatch>(pool.Arrive(pool.Request()));
    }

    [Fact]
    public void A_request_that_failed_on_the_free_instance_keeps_nobody_else_from_it()
    {
        PoolDriver pool = PoolDriver.WithReady(OneEach, "a", "b");
        string busy = pool.Place(pool.Request()).Instance;
        PlacementRequest unlucky = pool.Request();
        string free = pool.Place(unlucky).Instance;
        Assert.NotEqual(busy, free);
        Assert.Contains(pool.Fail(unlucky.Id, AttemptFailure.Unreachable), e => e is Held);
        PlacementRequest behind = pool.Request();
        Assert.IsType<Held>(pool.Arrive(behind));
        IReadOnlyList<PoolEffect> effects = pool.Give(new InstanceProbed(pool.Now, free, PoolDriver.Report()));
        Assert.Equal((behind.Id, free), effects.OfType<Dispatch>().Select(d => (d.RequestId, d.Instance)).Single());
        pool.End(behind.Id);
        PlacementRequest newcomer = pool.Request();
        pool.Arrive(newcomer);
        Assert.Equal((newcomer.Id, free), pool.Effects.OfType<Dispatch>().Select(d => (d.RequestId, d.Instance)).Last());
    }

    [Fact]
    public void A_held_request_whose_client_left_is_forgotten()
    {
        PoolDriver pool = PoolDriver.WithReady(OneEach, "a");
        string running = pool.Place(pool.Request()).RequestId;
        PlacementRequest held = pool.Request();
        pool.Arrive(held);
        pool.End(held.Id, RequestEnd.ClientGone);
        Assert.Equal(0, pool.Pool.Describe().Held);
        Assert.Empty(pool.End(running).OfType<Dispatch>());
        Assert.Empty(pool.Advance(100));
    }
}
