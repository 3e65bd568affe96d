using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests.Placement.Rivals;

namespace FleetRouter.Domain.Tests.Health;

public sealed class HedgingTests
{
    private static readonly PoolOptions Options = new() { Name = "test", Policy = "round-robin", HedgeBudget = 0.1 };

    /// <summary>A pool that has seen first tokens come after 50 ms.</summary>
    private static PoolDriver Pool(PoolOptions? options = null, params string[] instances)
    {
        PoolDriver pool = PoolDriver.WithReady(options ?? Options, instances.Length > 0 ? instances : ["a", "b"]);
        for (int i = 0; i < 120; i++)
        {
            Dispatch sent = pool.Place(pool.Request());
            pool.Advance(0.05);
            pool.Progress(sent.RequestId);
            pool.End(sent.RequestId);
        }
        return pool;
    }

    private static IReadOnlyList<PoolEffect> Ends(PoolDriver pool, string request, HedgeEnd end, AttemptFailure? failure = null) =>
        pool.Give(new HedgeEnded(pool.Now, request, end, failure, failure is null ? null : "went wrong"));

    private static Hedge Late(PoolDriver pool, out PlacementRequest request, string on = "a")
    {
        request = pool.PlaceOn(on, pool.Request());
        return Assert.Single(pool.Advance(2).OfType<Hedge>());
    }

    private static int Leases(PoolDriver pool) => pool.Pool.Describe().Instances.Sum(i => i.Leases);

    [Fact]
    public void The_usual_wait_is_told_by_what_was_expected()
    {
        var waits = new FirstTokenWaits();
        for (int i = 1; i <= 100; i++)
        {
            Assert.Equal(i > FirstTokenWaits.LeastSeen, waits.Within(0.95, 1) is not null);
            waits.Saw(i * 0.01 * (1 + FirstTokenWaits.Base), 1);   // one hundredth to the whole of it
        }
        Assert.InRange(waits.Within(0.95, 1)!.Value / (1 + FirstTokenWaits.Base), 0.95, 0.95 * Math.Pow(2, 0.25));
        Assert.InRange(waits.Within(0.5, 1)!.Value / (1 + FirstTokenWaits.Base), 0.5, 0.5 * Math.Pow(2, 0.25));
        Assert.Equal(waits.Within(0.5, 0)!.Value / FirstTokenWaits.Base, waits.Within(0.5, 1)!.Value / (1 + FirstTokenWaits.Base), 6);
        for (int i = 0; i < 20_000; i++)
            waits.Saw(5 * (1 + FirstTokenWaits.Base), 1);
        Assert.InRange(waits.Within(0.05, 1)!.Value, 5, 7);   // what was is forgotten
    }

    [Fact]
    public void A_late_first_token_is_asked_of_another_instance_once()
    {
        PoolDriver pool = Pool();
        PlacementRequest request = pool.PlaceOn("a", pool.Request());
        TimeSpan sent = pool.Now;
        Assert.Empty(pool.Advance(0.05).OfType<Hedge>());
        Hedge hedge = Assert.Single(pool.Advance(60).OfType<Hedge>());
        Assert.Equal((request.Id, "a", "b", PlacementRule.Hedged), (hedge.RequestId, hedge.From, hedge.To, hedge.Decision.Rule));
        Assert.InRange(hedge.Decision.At - sent, TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(0.2));
        Assert.True(hedge.Patience.FirstToken > TimeSpan.Zero);
        Assert.Equal((1, 1), (pool.View("a").Leases, pool.View("b").Leases));
    }

    [Fact]
    public void When_the_first_has_its_token_the_second_is_let_go()
    {
        PoolDriver pool = Pool();
        Late(pool, out PlacementRequest request);
        pool.Progress(request.Id);
        Assert.Equal((1, 0), (pool.View("a").Leases, pool.View("b").Leases));
        Assert.Empty(Ends(pool, request.Id, HedgeEnd.SecondWon));   // too late to matter
        Assert.Equal(1, pool.View("a").Leases);
        pool.End(request.Id);
        Assert.Equal(0, Leases(pool));
    }

    [Fact]
    public void When_the_second_has_its_token_the_first_is_let_go()
    {
        PoolDriver pool = Pool();
        Late(pool, out PlacementRequest request);
        Ends(pool, request.Id, HedgeEnd.SecondWon);
        pool.Progress(request.Id);
        Assert.Equal((0, 1), (pool.View("a").Leases, pool.View("b").Leases));
        Assert.Equal((InstanceState.Ready, 0L), (pool.View("a").State, pool.View("b").PendingPrefillTokens));
        pool.End(request.Id);
        Assert.Equal(0, Leases(pool));
    }

    [Fact]
    public void When_the_first_fails_the_second_is_the_attempt()
    {
        PoolDriver pool = Pool(instances: ["a", "b", "c"]);
        Hedge hedge = Late(pool, out PlacementRequest request);
        IReadOnlyList<PoolEffect> effects = Ends(pool, request.Id, HedgeEnd.FirstFailed, AttemptFailure.Unreachable);
        Assert.Empty(effects.OfType<Dispatch>());
        Assert.Equal((InstanceState.Suspect, 0, 1), (pool.View("a").State, pool.View("a").Leases, pool.View(hedge.To).Leases));
        pool.Probe("a");
        Dispatch third = Assert.Single(pool.Fail(request.Id, AttemptFailure.Unreachable).OfType<Dispatch>());
        Assert.DoesNotContain(third.Instance, (string[])["a", hedge.To]);
        Assert.Contains(pool.Fail(request.Id, AttemptFailure.Unreachable), e => e is Refuse { Refusal.Reason: "attempts-exhausted" });
        Assert.Equal(0, Leases(pool));
    }

    [Theory]
    [InlineData(AttemptFailure.EngineBusy, InstanceState.Ready)]
    [InlineData(AttemptFailure.Unreachable, InstanceState.Suspect)]
    [InlineData(AttemptFailure.Stalled, InstanceState.Suspect)]
    public void When_the_second_fails_the_first_goes_on_and_is_not_asked_twice_again(AttemptFailure failure, InstanceState state)
    {
        PoolDriver pool = Pool(instances: ["a", "b", "c"]);
        Hedge hedge = Late(pool, out PlacementRequest request);
        pool.Advance(20);   // silent for long
        Ends(pool, request.Id, HedgeEnd.SecondFailed, failure);
        Assert.Equal((1, 0, state), (pool.View("a").Leases, pool.View(hedge.To).Leases, pool.View(hedge.To).State));
        Assert.Empty(pool.Advance(60).OfType<Hedge>());
        Assert.NotEqual(hedge.To, Assert.Single(pool.Fail(request.Id, AttemptFailure.Unreachable).OfType<Dispatch>()).Instance);
        Assert.Empty(pool.Advance(60).OfType<Hedge>());
        pool.End(request.Id);
        Assert.Equal(0, Leases(pool));
    }

    [Fact]
    public void However_a_request_ends_both_leases_do()
    {
        PoolDriver pool = Pool(instances: ["a", "b", "c"]);
        foreach (RequestEnd end in Enum.GetValues<RequestEnd>())
        {
            Late(pool, out PlacementRequest request);
            pool.End(request.Id, end);
            Assert.Equal(0, Leases(pool));
            pool.Probe("a");
        }
        Hedge hedge = Late(pool, out PlacementRequest failed);
        Dispatch elsewhere = Assert.Single(pool.Fail(failed.Id, AttemptFailure.Unreachable).OfType<Dispatch>());   // said before its host knew of the second
        Assert.NotEqual("a", elsewhere.Instance);
        Assert.Equal(1, Leases(pool));
        Assert.Equal("a", hedge.From);
    }

    [Fact]
    public void Off_nobody_is_asked_twice_and_nobody_wakes_the_pool()
    {
        PoolDriver pool = Pool(Options with { HedgeBudget = 0 });
        pool.Place(pool.Request());
        Assert.Empty(pool.Advance(600));
        Assert.DoesNotContain(pool.Effects, e => e is WakeAt or Hedge);
        pool = Pool();
        pool.Place(pool.Request());
        pool.Give(new OptionsChanged(pool.Now, Options with { HedgeBudget = 0 }));
        Assert.Empty(pool.Advance(600).OfType<Hedge>());
        pool = Pool();
        pool.Place(pool.Request() with { CanHedge = false });
        Assert.Empty(pool.Advance(600).OfType<Hedge>());
    }

    [Theory]
    [InlineData(0.02)]
    [InlineData(0.3)]
    public void No_more_are_asked_twice_than_the_share(double share)
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { HedgeBudget = share }, "a", "b", "c", "d");
        int requests = 0;
        const int every = 30;   // so many, and one of them late
        for (; requests < 2_000; requests++)
        {
            Dispatch sent = pool.Place(pool.Request());
            bool isLate = requests % every == 0 && requests >= 200;
            pool.Advance(isLate ? 0.3 : 0.05);
            if (pool.Effects.OfType<Hedge>().Any(h => h.RequestId == sent.RequestId))
                Ends(pool, sent.RequestId, HedgeEnd.SecondWon);
            else if (isLate)
                pool.Advance(3);
            pool.Progress(sent.RequestId);
            pool.End(sent.RequestId);
            Assert.True(pool.Effects.OfType<Hedge>().Count() <= share * (requests + 1));
        }
        Assert.InRange(pool.Effects.OfType<Hedge>().Count(), 0.8 * Math.Min(share, 1.0 / every) * requests, share * requests);
    }

    [Fact]
    public void An_instance_without_room_or_trust_is_not_asked()
    {
        PoolDriver pool = Pool(Options with { MaxRequestsPerInstance = 1 });
        pool.PlaceOn("b", pool.Request());
        pool.PlaceOn("a", pool.Request());
        Assert.Empty(pool.Advance(60).OfType<Hedge>());

        pool = Pool();
        pool.PlaceOn("a", pool.Request());
        pool.Give(new DrainOrdered(pool.Now, "b", true));
        Assert.Empty(pool.Advance(5).OfType<Hedge>());
        pool.Give(new DrainOrdered(pool.Now, "b", false));
        pool.Probe("b");
        Assert.Single(pool.Advance(60).OfType<Hedge>());   // looked at again

        pool = Pool();
        PlacementRequest failed = pool.PlaceOn("b", pool.Request());
        pool.Fail(failed.Id, AttemptFailure.Unreachable);
        pool.Probe("b");
        Assert.Empty(pool.Advance(60).OfType<Hedge>());   // it was out of reach for this request
    }

    [Fact]
    public void Where_it_would_take_longer_than_it_is_late_it_is_not_asked_yet()
    {
        PoolDriver pool = Pool();
        pool.Queue("b", (1, 1_000));   // 64,000 tokens: over 15 s
        PlacementRequest request = pool.PlaceOn("a", pool.Request());
        TimeSpan sent = pool.Now;
        Hedge hedge = pool.Advance(60).OfType<Hedge>().First(h => h.RequestId == request.Id);
        Assert.InRange((hedge.Decision.At - sent).TotalSeconds, 5, 8);   // as it is later and later, and the line there shorter
    }

    [Fact]
    public void Off_an_instance_that_drains_it_moves_once_it_is_asked_only_there()
    {
        PoolDriver pool = Pool(instances: ["a", "b", "c"]);
        Hedge hedge = Late(pool, out PlacementRequest request);
        Assert.Empty(pool.Give(new DrainOrdered(pool.Now, "a", true)).OfType<Move>());
        Move move = Assert.Single(Ends(pool, request.Id, HedgeEnd.SecondFailed, AttemptFailure.Unreachable).OfType<Move>());
        Assert.Equal(("a", 1), (move.From, Leases(pool)));
        Assert.NotEqual(hedge.To, move.To);
    }
}
