using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests.Placement.Rivals;

namespace FleetRouter.Domain.Tests.Placement;

/// <summary>Queued requests moved to their other candidate. With two instances every prefix's pair is both; the 5 s SLO is
/// 625 blocks of prefill.</summary>
public sealed class RebalancingTests
{
    private static readonly PoolOptions Options = RivalPools.Options("dual-map") with { RebalanceQueued = true };

    [Fact]
    public void Those_who_gain_most_move_until_the_queue_meets_the_slo()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        PlacementRequest first = pool.Queue("a", (1, 400)), second = pool.Queue("a", (2, 200)), third = pool.Queue("a", (3, 150)), last = pool.Queue("a", (4, 100));
        // 850 queued: 225 too many. The last would wait 850 blocks here and 100 there, the third 750 and 150: they go in
        // that order, after which 600 are left.
        Move[] moves = Probe(pool, "a", waiting: 3);
        Assert.Equal([(last.Id, "a", "b"), (third.Id, "a", "b")], moves.Select(m => (m.RequestId, m.From, m.To)));
        Assert.All(moves, m => Assert.Equal(PlacementRule.Rebalanced, m.Decision.Rule));
        Assert.Equal([850 / 125.0, RivalPools.Prefill(100)], moves[0].Decision.Candidates.Select(c => c.EstimatedTtft.TotalSeconds));
        Assert.Equal([CandidateRole.Queued, CandidateRole.Scored], moves[0].Decision.Candidates.Select(c => c.Role));
        Assert.Equal((2, 600 * 64L, 2, 250 * 64L), (pool.View("a").Leases, pool.View("a").PendingPrefillTokens, pool.View("b").Leases, pool.View("b").PendingPrefillTokens));
        foreach (PlacementRequest request in new[] { first, second, third, last })
            pool.End(request.Id);
        Assert.All(pool.Pool.Describe().Instances, i => Assert.Equal((0, 0L, 0L, 0L), (i.Leases, i.PendingPrefillTokens, i.DecodeTokens, i.KvTokens)));
    }

    [Fact]
    public void Only_as_many_move_as_the_engine_says_wait()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Queue("a", (1, 400));
        pool.Queue("a", (2, 300));
        PlacementRequest last = pool.Queue("a", (3, 300));
        Assert.Empty(Probe(pool, "a", waiting: 0));
        Assert.Equal(last.Id, Assert.Single(Probe(pool, "a", waiting: 1)).RequestId);
    }

    [Fact]
    public void The_first_in_the_queue_is_being_computed_and_stays()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Queue("a", (1, 900));
        Assert.Empty(Probe(pool, "a", waiting: 9));
    }

    [Fact]
    public void What_has_its_first_token_stays()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Queue("a", (1, 900));
        PlacementRequest answered = pool.Queue("a", (2, 10)), queued = pool.Queue("a", (3, 10));
        pool.Progress(answered.Id);
        Assert.Equal(queued.Id, Assert.Single(Probe(pool, "a", waiting: 9)).RequestId);
    }

    [Fact]
    public void Nobody_moves_where_it_would_be_later_or_miss_the_slo()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Queue("a", (1, 600));
        pool.Queue("a", (2, 100));
        pool.Queue("b", (3, 550));   // 650 with the 100: sooner than 700, yet beyond the SLO
        Assert.Empty(Probe(pool, "a", waiting: 1));
        pool.Queue("b", (4, 60));
        Assert.Empty(Probe(pool, "a", waiting: 1));
    }

    [Fact]
    public void A_queue_within_the_slo_is_left_alone()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Queue("a", (1, 300));
        pool.Queue("a", (2, 300));
        Assert.Empty(Probe(pool, "a", waiting: 1));
    }

    [Fact]
    public void A_request_moves_once()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        PlacementRequest first = pool.Queue("a", (1, 700)), second = pool.Queue("a", (2, 100));
        Assert.Single(Probe(pool, "a", waiting: 1));
        pool.End(first.Id);
        pool.Queue("b", (3, 600));
        Assert.DoesNotContain(Probe(pool, "b", waiting: 1), m => m.RequestId == second.Id);
    }

    [Fact]
    public void Without_the_option_nobody_moves()
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { RebalanceQueued = false }, "a", "b");
        pool.Queue("a", (1, 700));
        pool.Queue("a", (2, 100));
        Assert.Empty(Probe(pool, "a", waiting: 1));
    }

    [Theory]
    [InlineData("s")]
    [InlineData(null)]
    public void The_home_of_a_session_moves_along(string? session)
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { Policy = "dual-hash" }, "a", "b");
        pool.Queue("a", (1, 700));
        PlacementRequest moved = pool.PlaceOn("a", pool.Request(Prompts.Of((2, 32)), session));
        Assert.Equal(moved.Id, Assert.Single(Probe(pool, "a", waiting: 1)).RequestId);
        pool.Progress(moved.Id);
        pool.End(moved.Id);
        Dispatch next = pool.Place(pool.Request(Prompts.Of((2, 40)), session, turns: 1));
        Assert.Equal(("b", PlacementRule.SessionHome), (next.Instance, next.Decision.Rule));
    }

    [Fact]
    public void A_moved_request_that_then_fails_goes_on_as_any_other()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Queue("a", (1, 700));
        PlacementRequest moved = pool.Queue("a", (2, 100));
        Assert.Single(Probe(pool, "a", waiting: 1));
        Dispatch again = pool.Fail(moved.Id, AttemptFailure.Unreachable).OfType<Dispatch>().Single();
        Assert.Equal(("a", 2), (again.Instance, again.Decision.Attempt));
    }

    private static Move[] Probe(PoolDriver pool, string instance, int waiting) =>
        [.. pool.Give(new InstanceProbed(pool.Now, instance, PoolDriver.Report() with { Running = 1, Waiting = waiting })).OfType<Move>()];
}
