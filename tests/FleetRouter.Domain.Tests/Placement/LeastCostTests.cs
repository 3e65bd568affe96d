using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;
using FleetRouter.Domain.Tests.Placement.Rivals;

namespace FleetRouter.Domain.Tests.Placement;

/// <summary>Which instance costs least, and who waits for it. 125 blocks are a second of prefill, but for attention.</summary>
public sealed class LeastCostTests
{
    private static readonly PoolOptions Options = new() { Name = "test" };

    [Fact]
    public void It_is_the_default() => Assert.IsType<LeastCostPolicy>(PlacementPolicies.Create(Options.Policy));

    [Fact]
    public void Where_all_is_equal_the_candidate_pair_is_taken()
    {
        for (ulong content = 0; content < 50; content++)
        {
            PoolDriver pool = PoolDriver.WithReady(Options, [.. Enumerable.Range(0, 10).Select(i => $"e{i}")]);
            Decision decision = pool.Place(pool.Request(Prompts.Of((content, 20)))).Decision;
            Assert.Contains(Role(decision), new[] { CandidateRole.FirstHash, CandidateRole.SecondHash });
            Assert.Equal((PlacementRule.LeastCost, 0d), (decision.Rule, decision.Candidates[0].Cost!.Value.Anchor));
        }
    }

    [Theory]
    [InlineData(10, "a")]
    [InlineData(50, "a")]
    [InlineData(400, "b")]   // the line is longer than computing anew takes
    public void The_warm_instance_is_taken_until_its_line_costs_more_than_computing_anew(int queued, string expected)
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Warm("a", (1, 100));
        pool.Advance(60);
        pool.Queue("a", (9, queued));
        Assert.Equal(expected, pool.Next((1, 100), (2, 2)));
    }

    [Theory]
    [InlineData(2, "a")]
    [InlineData(20, "b")]   // what is not computed by now will not be soon
    public void An_instance_whose_line_is_overdue_is_not_taken_for_idle(double seconds, string expected)
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Warm("a", (1, 300));
        pool.Advance(60);
        pool.Queue("a", (9, 200));   // takes some 1.7 s
        pool.Advance(seconds);
        Assert.Equal(expected, pool.Next((1, 300), (2, 2)));
    }

    [Theory]
    [InlineData(0.5, "b")]
    [InlineData(60, "a")]
    public void An_instance_with_few_answers_does_not_draw_every_long_prompt(double since, string expected)
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { KvCapacityTokens = 1_000_000 }, "a", "b");
        pool.Decode("b", 6);
        for (ulong n = 0; n < 4; n++)
        {
            PlacementRequest request = pool.Queue("a", (20 + n, 100));
            pool.Advance(0.9);
            pool.Progress(request.Id);
        }
        pool.Advance(since);
        Assert.Equal(expected, pool.Next((1, 300), (2, 2)));
    }

    [Theory]
    [InlineData(0.97, 3, 100, "b")]
    [InlineData(0.97, 3, 600, "a")]   // to compute it anew costs more than to wait for room
    [InlineData(0.97, 0, 100, "a")]
    [InlineData(0.90, 3, 100, "a")]
    public void An_engine_that_queues_for_want_of_room_is_dear(double kv, int waiting, int warm, string expected)
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Warm("a", (1, warm));
        pool.Decode("a", 1);
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { KvUsage = kv, Waiting = waiting }));
        Assert.Equal(expected, pool.Next((1, warm), (2, 2)));
    }

    [Theory]
    [InlineData(293, typeof(Dispatch))]
    [InlineData(294, typeof(Held))]   // of 300 blocks 375 tokens are for what the answers there grow by: one and a half of 250
    public void Room_is_kept_for_what_the_answers_in_a_cache_grow_by(int taken, Type expected)
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { KvCapacityTokens = 19_200 }, "a");
        PlacementRequest running = pool.Request(Prompts.Of((1, taken)));
        pool.Place(running);
        pool.Progress(running.Id);
        pool.Advance(200);
        Assert.IsType(expected, pool.Arrive(pool.Request(Prompts.Of((2, 1)))));
    }

    [Fact]
    public void A_request_waits_for_its_warm_instance_and_is_sent_when_the_line_there_frees()
    {
        (PoolDriver pool, PlacementRequest queued) = BusyWarm();
        PlacementRequest next = pool.Request(Prompts.Of((1, 300), (2, 2)));
        Assert.IsType<Held>(pool.Arrive(next));
        Assert.NotNull(pool.Alarm);
        Dispatch sent = pool.Progress(queued.Id).OfType<Dispatch>().Single();
        Assert.Equal((next.Id, "a"), (sent.RequestId, sent.Instance));
        Assert.All(pool.Pool.Instances, i => Assert.Empty(i.Claims.All));
    }

    [Fact]
    public void It_is_sent_by_the_clock_too_when_no_first_token_comes()
    {
        (PoolDriver pool, _) = BusyWarm();
        PlacementRequest next = pool.Request(Prompts.Of((1, 300), (2, 2)));
        Assert.IsType<Held>(pool.Arrive(next));
        Assert.Equal((next.Id, "a"), pool.Advance(2).OfType<Dispatch>().Select(d => (d.RequestId, d.Instance)).Single());
    }

    [Fact]
    public void Who_waits_for_one_instance_keeps_nobody_from_another()
    {
        (PoolDriver pool, _) = BusyWarm();
        Assert.IsType<Held>(pool.Arrive(pool.Request(Prompts.Of((1, 300), (2, 2)))));
        Assert.Equal("b", pool.Place(pool.Request(Prompts.Of((3, 10)))).Instance);
    }

    [Fact]
    public void The_most_urgent_goes_first()
    {
        (PoolDriver pool, PlacementRequest queued) = BusyWarm();
        // Equal but for what is theirs to compute: the longer one must begin sooner.
        PlacementRequest brief = pool.Request(Prompts.Of((1, 300), (2, 1))), longer = pool.Request(Prompts.Of((1, 300), (3, 60)));
        Assert.IsType<Held>(pool.Arrive(brief));
        Assert.IsType<Held>(pool.Arrive(longer));
        Assert.Equal(longer.Id, pool.Progress(queued.Id).Concat(pool.Advance(3)).OfType<Dispatch>().First().RequestId);
    }

    [Fact]
    public void An_instance_that_comes_free_is_offered_to_who_waits_for_another()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Advance(60);
        pool.Queue("a", (8, 130));
        PlacementRequest queued = pool.Queue("b", (9, 130));
        PlacementRequest[] waiting = [pool.Request(Prompts.Of((1, 10))), pool.Request(Prompts.Of((2, 10)))];
        foreach (PlacementRequest request in waiting)
            Assert.IsType<Held>(pool.Arrive(request));
        Assert.Equal([1, 1], pool.Pool.Instances.Select(i => i.Claims.Count));
        Assert.Equal(waiting.Select(r => (r.Id, "b")).Order(), pool.Progress(queued.Id).OfType<Dispatch>().Select(d => (d.RequestId, d.Instance)).Order());
    }

    [Theory]
    [InlineData("a", "b")]
    [InlineData("b", "a")]
    public void A_prompt_goes_where_all_that_it_evicts_is_wanted_least(string recent, string stale)
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { KvCapacityTokens = 20_000 }, "a", "b");
        pool.Warm(recent, (1, 20));   // the oldest of all, but there is little of it
        pool.Advance(300);
        pool.Warm(stale, (2, 310));
        pool.Advance(300);
        pool.Warm(recent, (3, 290));
        pool.Advance(5);
        Assert.Equal(stale, pool.Next((4, 200)));
    }

    [Theory]
    [InlineData("a", "b")]
    [InlineData("b", "a")]
    public void A_prompt_that_misses_its_slo_anyway_waits_rather_than_evicts_what_others_want(string idle, string busy)
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { KvCapacityTokens = 64_000 }, "a", "b");
        pool.Warm(busy, (2, 950));
        pool.Advance(600);
        pool.Warm(idle, (1, 950));
        pool.Advance(5);
        pool.Queue(busy, (9, 130));
        PlacementRequest hopeless = pool.Request(Prompts.Of((4, 700)));
        Assert.IsType<Held>(pool.Arrive(hopeless));
        Assert.Equal(busy, pool.Advance(3).OfType<Dispatch>().Single(d => d.RequestId == hopeless.Id).Instance);
    }

    [Theory]
    [InlineData(400, "b")]   // 4.4 s of prefill: in time among eight answers, too late behind the line
    [InlineData(600, "a")]   // longer than the SLO anywhere
    public void A_long_prompt_goes_among_many_answers_where_only_there_it_is_in_time(int blocks, string expected)
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        for (ulong n = 0; n < 8; n++)
        {
            pool.Progress(pool.Queue("b", (10 + n, 1)).Id);
            pool.Advance(1);
        }
        pool.Queue("a", (20, 130));
        PlacementRequest request = pool.Request(Prompts.Of((1, blocks)));
        var effects = new List<PoolEffect> { pool.Arrive(request) };
        effects.AddRange(pool.Advance(3));
        Assert.Equal(expected, effects.OfType<Dispatch>().Single(d => d.RequestId == request.Id).Instance);
    }

    [Fact]
    public void An_instance_that_has_computed_nothing_yet_is_taken_to_be_as_fast_as_the_others()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        for (ulong i = 0; i < 50; i++)
        {
            PlacementRequest prompt = pool.Queue("a", (i, 200));
            pool.Advance(0.5);   // where 1.7 s are expected of an instance of which nothing is known
            pool.Progress(prompt.Id);
            pool.End(prompt.Id);
        }
        double[] rates = [.. pool.Pool.Instances.Select(i => i.PrefillRate)];
        Assert.True(rates[0] > 2 * Options.PrefillTokensPerSecond);
        Assert.Equal(rates[0], rates[1], rates[0] / 10);
    }

    [Fact]
    public void A_prompt_that_is_cached_somewhere_is_not_computed_anew_for_longer_than_its_slo()
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { RefuseLate = true }, "a", "b");
        pool.Warm("a", (1, 700));
        pool.Advance(60);
        pool.Queue("a", (9, 700));
        var effects = new List<PoolEffect> { pool.Arrive(pool.Request(Prompts.Of((1, 700), (2, 2)))) };
        effects.AddRange(pool.Advance(7));
        Assert.Empty(effects.OfType<Dispatch>());
        Assert.Equal("slo-out-of-reach", effects.OfType<Refuse>().Single().Refusal.Reason);
    }

    [Fact]
    public void Of_a_large_fleet_the_pair_the_home_and_the_lightest_are_weighed()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, [.. Enumerable.Range(0, 100).Select(i => $"e{i}")]);
        for (int i = 0; i < 100; i++)
            if (i % 10 != 3)
                pool.Queue($"e{i}", ((ulong)i, 130));
        for (ulong content = 200; content < 210; content++)
            Assert.EndsWith("3", pool.Place(pool.Request(Prompts.Of((content, 20)))).Instance);
    }

    [Fact]
    public void In_a_large_fleet_a_request_finds_an_instance_it_has_not_tried_while_there_is_one()
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { MaxAttempts = 16 }, [.. Enumerable.Range(0, 17).Select(i => $"e{i}")]);
        PlacementRequest request = pool.Request(Prompts.Of((1, 20)));
        var tried = new List<string> { pool.Place(request).Instance };
        while (tried.Count < 16)
        {
            tried.Add(pool.Fail(request.Id, AttemptFailure.Unreachable).OfType<Dispatch>().Single().Instance);
            pool.Probe(tried[^2]);   // it answers its probe again, but this request does not come back
        }
        Assert.Distinct(tried);
    }

    [Theory]
    [InlineData("left")]
    [InlineData("suspect")]
    public void Who_waits_for_an_instance_that_goes_is_placed_anew_at_once(string fate)
    {
        (PoolDriver pool, _) = BusyWarm();
        PlacementRequest next = pool.Request(Prompts.Of((1, 300), (2, 2)));
        Assert.IsType<Held>(pool.Arrive(next));
        int before = pool.Effects.Count;
        for (int i = 0; i < Options.SuspectAfterFailedProbes; i++)
            pool.Give(fate == "left" ? new InstanceLeft(pool.Now, "a") : new ProbeFailed(pool.Now, "a", "timeout"));
        Assert.Equal((next.Id, "b"), pool.Effects[before..].OfType<Dispatch>().Select(d => (d.RequestId, d.Instance)).Single());
    }

    [Theory]
    [InlineData(100, true)]     // idle it would be served in 0.9 s
    [InlineData(700, false)]    // takes longer than the SLO by itself
    public void Refused_as_late_is_who_an_idle_instance_could_serve_in_time_and_nobody_else(int blocks, bool refused)
    {
        foreach (bool may in new[] { true, false })
        {
            PoolDriver pool = PoolDriver.WithReady(Options with { RefuseLate = may }, "a");
            pool.Queue("a", (9, 600));
            PlacementRequest request = pool.Request(Prompts.Of((1, blocks)));
            var effects = new List<PoolEffect> { pool.Arrive(request) };
            effects.AddRange(pool.Advance(7));
            Assert.Equal(may && refused ? ["slo-out-of-reach"] : [], effects.OfType<Refuse>().Select(r => r.Refusal.Reason));
        }
    }

    [Theory]
    [InlineData(0, "b")]     // a new request goes where fewer share the batch, though a prompt is in line there
    [InlineData(30, "c")]    // an answer that broke off, to its next token
    public void An_answer_that_broke_off_goes_where_it_goes_on_soonest(int emitted, string expected)
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b", "c");
        PlacementRequest broken = pool.Queue("a", (1, 2));
        if (emitted > 0)
            pool.Progress(broken.Id, emitted);
        for (ulong n = 0; n < 8; n++)
        {
            pool.Advance(1);
            pool.Progress(pool.Queue("c", (10 + n, 1)).Id);
        }
        pool.Advance(1);
        pool.Queue("b", (20, 30));
        pool.Advance(0.1);
        IReadOnlyList<PoolEffect> effects = pool.Give(new AttemptFailed(pool.Now, broken.Id, AttemptFailure.Broke, "broke off", emitted));
        Assert.Equal(expected, effects.OfType<Dispatch>().Single().Instance);
    }

    [Fact]
    public void A_long_prompt_that_waits_for_room_is_not_passed_for_ever()
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { KvCapacityTokens = 20_000 }, "a");
        Queue<string> running = new();
        for (ulong i = 0; i < 10; i++)
        {
            PlacementRequest request = pool.Request(Prompts.Of((i, 25)));
            pool.Place(request);
            pool.Progress(request.Id);
            running.Enqueue(request.Id);   // 16,000 of 20,000 tokens in the end
            pool.Advance(0.5);
        }
        PlacementRequest large = pool.Request(Prompts.Of((1_000, 250)));   // needs four fifths for itself
        Assert.IsType<Held>(pool.Arrive(large));
        // Short ones keep coming, one for each that ends: without a bound they would take all the room.
        for (ulong i = 0; i < 200 && !pool.Effects.OfType<Dispatch>().Any(d => d.RequestId == large.Id); i++)
        {
            pool.Advance(0.2);
            if (running.TryDequeue(out string? done))
                pool.End(done);
            PlacementRequest small = pool.Request(Prompts.Of((100 + i, 25)));
            pool.Arrive(small);
            foreach (Dispatch sent in pool.Effects.OfType<Dispatch>().Where(d => d.RequestId == small.Id))
            {
                pool.Progress(small.Id);
                running.Enqueue(small.Id);
            }
        }
        Assert.Contains(pool.Effects.OfType<Dispatch>(), d => d.RequestId == large.Id);
    }

    private static CandidateRole Role(Decision decision) => decision.Candidates.Single(c => c.Instance == decision.Instance).Role;

    /// <summary>Two instances: a has a long prefix cached and a line of 1.1 s, b has nothing.</summary>
    private static (PoolDriver Pool, PlacementRequest Queued) BusyWarm()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        pool.Warm("a", (1, 300));
        pool.Advance(60);
        return (pool, pool.Queue("a", (9, 130)));
    }
}
