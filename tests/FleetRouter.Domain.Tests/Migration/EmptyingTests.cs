using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Migration;

/// <summary>An instance that is told to drain, or that discovery drops.</summary>
public sealed class EmptyingTests
{
    [Theory]
    [InlineData("least-cost")]
    [InlineData("least-requests")]
    [InlineData("round-robin")]
    public void Everything_leaves_an_instance_that_drains_the_queue_at_once_and_answers_a_few_at_a_time(string policy)
    {
        PoolDriver pool = PoolDriver.WithReady(MigratingPools.Options(policy) with { KvCapacityTokens = 400_000 }, "a", "b", "c", "d", "e", "f");
        for (int i = 0; i < 40; i++)
            pool.Answer("a", blocks: 4);
        pool.Put("a", pool.Ask(4));
        IReadOnlyList<PoolEffect> effects = pool.Drain("a");
        Assert.Single(effects.OfType<Move>(), m => m.From == "a" && m.Decision.Rule == PlacementRule.Drained);
        var waiting = new Queue<Migrate>(effects.OfType<Migrate>());
        Assert.InRange(waiting.Count, 2, 16);
        Assert.All(waiting.GroupBy(m => m.To), to => Assert.InRange(to.Count(), 1, 4));
        int carried = 0;
        while (waiting.TryDequeue(out Migrate? migrate))
        {
            carried++;
            IReadOnlyList<PoolEffect> after = pool.CarriedOver(migrate.RequestId, 3);
            foreach (Migrate next in after.OfType<Migrate>())
                waiting.Enqueue(next);
            Assert.InRange(waiting.Count, 0, 16);
            if (carried == 40)
                Assert.Contains(after, e => e is InstanceEmptied { Instance: "a" });
        }
        Assert.Equal((40, 0), (carried, pool.View("a").Leases));
        Assert.Equal(41, pool.Pool.Describe().Instances.Sum(i => i.Leases));
    }

    [Fact]
    public void What_cannot_go_on_elsewhere_is_left_to_finish()
    {
        PoolDriver pool = MigratingPools.With("a", "b");
        pool.Answer("a", blocks: 4, canMove: false);
        PlacementRequest queued = pool.Ask(4, canMove: false);
        pool.Put("a", queued);
        Assert.DoesNotContain(pool.Drain("a"), e => e is Move or Migrate);
        Assert.Equal(2, pool.View("a").Leases);
    }

    [Fact]
    public void An_answer_that_will_have_ended_soon_is_let_end_and_carried_over_if_it_has_not()
    {
        PoolDriver pool = PoolDriver.WithReady(MigratingPools.Options() with { KvCapacityTokens = 400_000 }, "a", "b");
        PlacementRequest isBrief = pool.Answer("a", blocks: 4), isLong = pool.Answer("a", blocks: 4);   // of 200 tokens each
        for (int n = 1; n <= 12; n++)
        {
            pool.Advance(0.5);
            pool.Progress(isBrief.Id, 1 + 10 * n);   // 50 ms a token: 79 tokens, 4 s are left
        }
        Assert.Equal(isLong.Id, Assert.Single(pool.Drain("a").OfType<Migrate>()).RequestId);
        pool.Advance(3);
        pool.Progress(isBrief.Id, 181);
        Assert.Empty(pool.Says("a").OfType<Migrate>());
        pool.Advance(2);
        Assert.Equal(isBrief.Id, Assert.Single(pool.Says("a").OfType<Migrate>()).RequestId);
    }

    [Fact]
    public void What_finds_no_room_goes_when_there_is_some()
    {
        PoolDriver pool = MigratingPools.With("a", "b");
        PlacementRequest running = pool.Answer("b", blocks: 140), leaves = pool.Answer("a", blocks: 60);
        Assert.Empty(pool.Drain("a").OfType<Migrate>());
        pool.End(running.Id);
        Assert.Equal(leaves.Id, Assert.Single(pool.Says("a").OfType<Migrate>()).RequestId);
    }

    [Fact]
    public void Without_the_option_only_an_instance_that_is_to_be_empty_is_left()
    {
        PoolDriver pool = PoolDriver.WithReady(MigratingPools.Options() with { Migration = false }, "a", "b");
        pool.Answer("a", blocks: 100);
        pool.Put("a", pool.Ask(40));
        Assert.DoesNotContain(pool.Says("a", waiting: 1), e => e is Move or Migrate);
        Assert.Equal(["a", "a"], pool.Drain("a").Select(e => (e as Move)?.From ?? (e as Migrate)?.From).OfType<string>());
    }

    [Fact]
    public void A_target_that_drains_too_passes_on_what_came_to_it()
    {
        PoolDriver pool = MigratingPools.With("a", "b", "c");
        PlacementRequest request = pool.Answer("a", blocks: 4);
        string to = Assert.Single(pool.Drain("a").OfType<Migrate>()).To;
        Assert.Empty(pool.Drain(to).OfType<Move>());   // it is not there yet
        pool.CarriedOver(request.Id, 2);
        Migrate on = Assert.Single(pool.Says(to).OfType<Migrate>());
        Assert.Equal((request.Id, to), (on.RequestId, on.From));
        Assert.Equal(2, on.Decision.EmittedTokens);
    }

    [Fact]
    public void One_that_discovery_drops_is_emptied_as_if_it_drained()
    {
        PoolDriver pool = MigratingPools.With("a", "b");
        PlacementRequest answering = pool.Answer("a", blocks: 4), queued = pool.Ask(4);
        pool.Put("a", queued);
        IReadOnlyList<PoolEffect> effects = Leaves(pool, "a");
        Assert.Equal((queued.Id, "b"), Assert.Single(effects.OfType<Move>().Select(m => (m.RequestId, m.To))));
        Assert.Equal((answering.Id, "b"), Assert.Single(effects.OfType<Migrate>().Select(m => (m.RequestId, m.To))));
        Assert.Contains(pool.CarriedOver(answering.Id, 3), e => e is InstanceEmptied { Instance: "a" });
        Assert.Empty(pool.Pool.Describe().Leaving);
    }

    [Fact]
    public void What_found_no_room_when_discovery_dropped_its_instance_goes_when_another_is_probed()
    {
        PoolDriver pool = MigratingPools.With("a", "b");
        PlacementRequest running = pool.Answer("b", blocks: 140), leaves = pool.Answer("a", blocks: 60);
        Assert.Empty(Leaves(pool, "a").OfType<Migrate>());
        pool.End(running.Id);
        Assert.Equal(leaves.Id, Assert.Single(pool.Says("b").OfType<Migrate>()).RequestId);
    }

    [Fact]
    public void One_that_discovery_names_again_keeps_what_it_has_left()
    {
        PoolDriver pool = MigratingPools.With("a", "b");
        PlacementRequest running = pool.Answer("b", blocks: 140);
        pool.Answer("a", blocks: 60);
        Leaves(pool, "a");
        pool.Give(new InstanceJoined(pool.Now, "a"));
        pool.End(running.Id);
        Assert.Empty(pool.Says("b").OfType<Migrate>());
        Assert.Single(pool.Pool.Describe().Leaving);
    }

    private static IReadOnlyList<PoolEffect> Leaves(PoolDriver pool, string instance) => pool.Give(new InstanceLeft(pool.Now, instance));
}
