using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Placement.Rivals;

/// <summary>The rivals that estimate prefill queues: min-TTFT, LMetric, SMetric, DualMap.</summary>
public sealed class TtftRivalTests
{
    [Theory]
    [InlineData(59, "a")]   // 59 queued and 40 own to 100 own
    [InlineData(61, "b")]
    public void Min_ttft_adds_the_queue_to_what_is_not_cached(int queued, string expected)
    {
        PoolDriver pool = RivalPools.With("min-ttft", "a", "b");
        pool.Warm("a", (1, 60));
        pool.Queue("a", (9, queued));
        pool.Decode("b", 20);   // requests in decode count for nothing
        Assert.Equal(expected, pool.Next((1, 60), (2, 40)));
    }

    [Theory]
    [InlineData(1, "a")]   // (40) · 2 to 100 · 1
    [InlineData(2, "b")]   // 40 · 3
    public void Lmetric_multiplies_tokens_to_compute_by_requests(int decoding, string expected)
    {
        PoolDriver pool = RivalPools.With("lmetric", "a", "b");
        pool.Warm("a", (1, 60));
        pool.Decode("a", decoding);
        Assert.Equal(expected, pool.Next((1, 60), (2, 40)));
    }

    [Fact]
    public void Lmetric_counts_the_queued_tokens()
    {
        PoolDriver pool = RivalPools.With("lmetric", "a", "b");
        pool.Queue("a", (8, 10));   // (10 + 10) · 2
        pool.Decode("b", 2);        // 10 · 3
        Assert.Equal("b", pool.Next((1, 10)));
    }

    [Theory]
    [InlineData("smetric", 100, "a")]           // 100 queued blocks take 0.88 s, 10 own 0.1 s; the SLO is 1 + 0.0625 · 7.04 = 1.44 s
    [InlineData("smetric", 147, "a")]           // 1.438 s
    [InlineData("smetric", 148, "b")]           // 1.450 s
    [InlineData("smetric:slack=3", 148, "a")]
    [InlineData("smetric:slack=3", 386, "b")]   // 4.328 s; thrice the SLO is 4.32 s
    [InlineData("smetric:base=5,per1k=0", 430, "a")]
    public void Smetric_keeps_a_later_turn_at_its_cache_within_the_slack(string policy, int queued, string expected)
    {
        PoolDriver pool = RivalPools.With(policy, "a", "b");
        pool.Warm("a", (1, 100));
        pool.Queue("a", (9, queued));
        Assert.Equal(expected, pool.NextTurn((1, 100), (2, 10)));
    }

    [Fact]
    public void Smetric_places_a_first_turn_as_lmetric_does()
    {
        PoolDriver pool = RivalPools.With("smetric", "a", "b");
        pool.Warm("a", (1, 60));
        pool.Decode("a", 2);
        Assert.Equal("b", pool.Place(pool.Request(Prompts.Of((1, 60), (2, 40)), "new")).Instance);
        pool = RivalPools.With("smetric", "a", "b");
        pool.Warm("a", (1, 60));
        pool.Decode("a", 2);
        Assert.Equal("a", pool.NextTurn((1, 60), (2, 40)));
    }

    [Theory]
    [InlineData(5, "a")]
    [InlineData(4, "b")]   // no more than the prefix it is placed by: perhaps a system prompt
    public void Smetric_takes_a_long_match_without_a_session_id_for_a_later_turn(int matching, string expected)
    {
        PoolDriver pool = RivalPools.With("smetric", "a", "b");
        pool.Warm("a", (1, 60));
        pool.Decode("a", 2);
        Assert.Equal(expected, pool.Next((1, matching), (2, 40)));
    }

    [Fact]
    public void Smetric_knows_a_later_turn_by_its_session_too()
    {
        PoolDriver pool = RivalPools.With("smetric", "a", "b");
        PlacementRequest first = pool.PlaceOn("a", pool.Request(Prompts.Of((1, 60)), "s"));
        pool.Progress(first.Id);
        pool.End(first.Id);
        pool.Decode("a", 5);
        Assert.Equal("a", pool.Place(pool.Request(Prompts.Of((1, 60), (2, 40)), "s")).Instance);
        Assert.Equal("b", pool.Place(pool.Request(Prompts.Of((1, 60), (3, 40)), "another")).Instance);
    }

    [Theory]
    [InlineData("dual-map", 432, PlacementRule.Warm)]      // with the 10 own blocks 4.99 s
    [InlineData("dual-map", 434, PlacementRule.Lighter)]
    [InlineData("dual-map:budget=31250", 477, PlacementRule.Warm)]      // 31,168 tokens
    [InlineData("dual-map:budget=31250", 479, PlacementRule.Lighter)]   // 31,296
    public void Dual_map_stays_warm_within_the_budget(string policy, int queued, PlacementRule rule)
    {
        PoolDriver pool = RivalPools.With(policy, "a", "b");
        pool.Warm("a", (1, 100));
        pool.Queue("a", (9, queued));
        Dispatch next = pool.Place(pool.Request(Prompts.Of((1, 100), (2, 10))));
        Assert.Equal((rule == PlacementRule.Warm ? "a" : "b", rule), (next.Instance, next.Decision.Rule));
        Assert.Equal(2, next.Decision.Candidates.Count);
    }

    [Fact]
    public void Dual_map_keeps_to_the_pair_and_knows_no_home()
    {
        PoolDriver pool = RivalPools.With("dual-map", [.. Enumerable.Range(0, 8).Select(i => $"e{i}")]);
        string[] pair = [.. pool.Serve(pool.Request(Prompts.Of((1, 20)), "s")).Decision.Candidates.Select(c => c.Instance)];
        string away = pool.Pool.Describe().Instances.First(i => !pair.Contains(i.Id)).Id;
        PlacementRequest moved = pool.PlaceOn(away, pool.Request(Prompts.Of((1, 20)), "s"));   // its home is away now
        pool.Progress(moved.Id);
        Assert.Contains(pool.Place(pool.Request(Prompts.Of((1, 20)), "s", turns: 1)).Instance, pair);
    }

    [Fact]
    public void Dual_map_goes_beyond_the_pair_only_if_neither_can_take_it()
    {
        PoolDriver pool = PoolDriver.WithReady(RivalPools.Options("dual-map") with { MaxRequestsPerInstance = 1 }, "a", "b", "c", "d");
        PlacementRule[] rules = [.. Enumerable.Range(0, 4).Select(_ => pool.Place(pool.Request(Prompts.Of((1, 20)))).Decision.Rule)];
        Assert.Equal([PlacementRule.Lighter, PlacementRule.OnlyCandidate, PlacementRule.Spill, PlacementRule.Spill], rules);
    }
}
