using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Migration;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Migration;

/// <summary>A round off an instance that queues, or runs out of room.</summary>
public sealed class ReliefTests
{
    private readonly PoolDriver _pool = MigratingPools.With("a", "b", "c");

    /// <summary>Answers on "a" that leave its batch no more steps than a source has; room for moves is earned first.</summary>
    private PlacementRequest[] Fill(params int[] blocks)
    {
        Earn();
        return [.. blocks.Select(b => _pool.Answer("a", b))];
    }

    /// <summary>Ended requests earn the tokens that may be carried over.</summary>
    private void Earn()
    {
        for (int i = 0; i < 60; i++)
        {
            PlacementRequest request = _pool.Answer("c", blocks: 100, tokens: 100);
            _pool.End(request.Id);
        }
    }

    [Fact]
    public void What_queues_where_there_is_no_room_goes_where_it_begins_at_once_and_costs_nothing()
    {
        _pool.Answer("a", blocks: 140);
        PlacementRequest queued = _pool.Ask(30);
        _pool.Put("a", queued);
        Move move = Assert.Single(_pool.Says("a", waiting: 1).OfType<Move>());
        Assert.Equal((queued.Id, "a", PlacementRule.Rebalanced), (move.RequestId, move.From, move.Decision.Rule));
        Assert.Equal((1, 1), (_pool.View("a").Leases, _pool.View(move.To).Leases));
        _pool.Progress(queued.Id);
        _pool.End(queued.Id);
        Assert.Equal((0, 0L), (_pool.View(move.To).Leases, _pool.View(move.To).KvTokens));
    }

    [Fact]
    public void What_is_about_to_begin_stays()
    {
        _pool.Answer("a", blocks: 10);
        _pool.Put("a", _pool.Ask(10));
        Assert.Empty(_pool.Says("a", waiting: 0).OfType<Move>());
        Assert.Empty(_pool.Says("a", waiting: 1).OfType<Move>());   // 0.08 s of prefill, and room for it
    }

    [Theory]
    [InlineData(0.1, true)]
    [InlineData(0.8, false)]   // 0.3 s are left
    public void What_waits_behind_a_prompt_goes_by_what_is_left_of_that(double seconds, bool moves)
    {
        _pool.Put("a", _pool.Ask(125));   // 1.1 s
        _pool.Put("a", _pool.Ask(10));
        _pool.Advance(seconds);
        Assert.Equal(moves, _pool.Says("a", waiting: 1).OfType<Move>().Any());
    }

    [Fact]
    public void Those_of_high_priority_leave_the_queue_first()
    {
        _pool.Answer("a", blocks: 140);
        _pool.Answer("b", blocks: 140);
        _pool.Answer("c", blocks: 80);   // room for one more
        PlacementRequest first = _pool.Ask(40), high = _pool.Ask(40, priority: 1);
        _pool.Put("a", first);
        _pool.Put("a", high);
        Assert.Equal((high.Id, "c"), Assert.Single(_pool.Says("a", waiting: 2).OfType<Move>()) is { } move ? (move.RequestId, move.To) : default);
    }

    [Fact]
    public void A_batch_without_room_gives_its_shortest_answer_to_the_freest_instance()
    {
        PlacementRequest[] answers = Fill(70, 20, 66);
        _pool.Answer("b", blocks: 20);
        Migrate migrate = Assert.Single(_pool.Says("a").OfType<Migrate>());
        Assert.Equal((answers[1].Id, "a", "c", PlacementRule.Relieved), (migrate.RequestId, migrate.From, migrate.To, migrate.Decision.Rule));
        Assert.Equal(1, migrate.Decision.EmittedTokens);
        // The lease there begins, the one here goes on, and nobody else moves meanwhile.
        Assert.Equal((3, 1), (_pool.View("a").Leases, _pool.View("c").Leases));
        Assert.Empty(_pool.Says("a").OfType<Migrate>());
    }

    [Fact]
    public void An_answer_of_high_priority_is_carried_over_after_all_others()
    {
        Earn();
        _pool.Answer("a", blocks: 5, priority: 1);
        PlacementRequest normal = _pool.Answer("a", blocks: 140);
        Assert.Equal(normal.Id, Relief.Easiest(_pool.Instance("a"), _pool.Instance("b"), 3)?.Request.Id);
    }

    [Fact]
    public void What_cannot_be_gone_on_with_stays()
    {
        Earn();
        _pool.Answer("a", blocks: 70, canMove: false);
        _pool.Answer("a", blocks: 80, canMove: false);
        Assert.Empty(_pool.Says("a").OfType<Migrate>());
    }

    [Fact]
    public void Nothing_moves_while_the_gain_is_under_the_cost()
    {
        Fill(70, 20, 66);
        // The others compute a long prompt each: what came there would wait longer than anybody waits here.
        foreach (string instance in new[] { "b", "c" })
            _pool.Put(instance, _pool.Request() with { Prompt = Prompts.Of((FleetRouter.Domain.Prefixes.XxHash64.Of(instance), 1)), PromptTokens = 200_000 });
        Assert.Empty(_pool.Says("a").OfType<Migrate>());
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(12, false)]
    public void Nothing_is_carried_over_to_where_prompts_slow_many_answers_already(double seconds, bool moves)
    {
        Fill(70, 20, 66);
        foreach (string instance in new[] { "b", "c" })
        {
            for (int i = 0; i < 30; i++)
                _pool.Answer(instance, blocks: 1);
            _pool.Instance(instance).Pace.Spend(seconds, _pool.Now);
        }
        Assert.Equal(moves, _pool.Says("a").OfType<Migrate>().Any());
    }

    [Fact]
    public void Nothing_is_carried_over_to_where_many_wait_for_their_turn()
    {
        Fill(70, 20, 66);
        foreach (string instance in new[] { "b", "c" })
            for (int i = 0; i < 100; i++)
                _pool.Instance(instance).Claims.Add(new InFlight(_pool.Ask(10), _pool.Now) { Order = i }, seconds: 0.1, tokens: 640);
        Assert.Empty(_pool.Says("a").OfType<Migrate>());
    }

    [Fact]
    public void Nothing_moves_to_where_there_is_no_room_either()
    {
        Fill(70, 20, 66);
        _pool.Answer("b", blocks: 130);
        _pool.Answer("c", blocks: 130);
        Assert.Empty(_pool.Says("a").OfType<Migrate>());
    }

    [Fact]
    public void No_more_is_carried_over_than_a_small_share_of_all_tokens()
    {
        PoolDriver pool = MigratingPools.With("a", "b");
        pool.Answer("a", blocks: 75);
        pool.Answer("a", blocks: 76);   // 4,864 tokens: more than may be before anything has ended
        Assert.Empty(pool.Says("a").OfType<Migrate>());
    }

    [Fact]
    public void Carried_over_the_lease_is_where_the_answer_goes_on()
    {
        string id = Fill(70, 20, 66)[1].Id;
        string to = Assert.Single(_pool.Says("a").OfType<Migrate>()).To;
        _pool.Progress(id, 30);
        _pool.CarriedOver(id, 40);
        Assert.Equal((2, 1, 0L), (_pool.View("a").Leases, _pool.View(to).Leases, _pool.View(to).PendingPrefillTokens));
        Assert.Equal((0, 0), (_pool.Instance("a").Leaving, _pool.Instance(to).Arriving));
        Assert.Equal(40, _pool.Instance(to).AnswerTokens);
        _pool.Progress(id, 10);
        Assert.Equal(50, _pool.Instance(to).AnswerTokens);
        _pool.End(id);
        Assert.Equal((0, 0L, 0L, 0L), (_pool.View(to).Leases, _pool.View(to).KvTokens, _pool.View(to).DecodeTokens, _pool.Instance(to).PinnedTokens));
    }

    [Fact]
    public void Given_up_it_stays_where_it_is_and_is_not_tried_there_again()
    {
        PlacementRequest request = Fill(70, 20, 66)[1];
        string to = Assert.Single(_pool.Says("a").OfType<Migrate>()).To;
        Assert.Contains(new ProbeNow(to), _pool.CarriedOver(request.Id, 9, "connection refused"));
        Assert.Equal((3, 0, 0L), (_pool.View("a").Leases, _pool.View(to).Leases, _pool.View(to).KvTokens));
        Migrate again = Assert.Single(_pool.Says("a").OfType<Migrate>());
        Assert.True(again.RequestId != request.Id || again.To != to);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Both_leases_end_with_the_request_and_with_a_break(bool breaks)
    {
        PlacementRequest request = Fill(70, 20, 66)[1];
        Assert.Single(_pool.Says("a").OfType<Migrate>());
        if (breaks)
            _pool.Give(new AttemptFailed(_pool.Now, request.Id, AttemptFailure.Broke, "reset", 5));
        _pool.End(request.Id);
        Assert.Equal(2, _pool.Pool.Describe().Instances.Sum(i => i.Leases));
        Assert.All(_pool.Pool.Instances, i => Assert.Equal((0, 0), (i.Leaving, i.Arriving)));
        Assert.Empty(_pool.CarriedOver(request.Id, 9));   // word of it comes too late
    }
}
