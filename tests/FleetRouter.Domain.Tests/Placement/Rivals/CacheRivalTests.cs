using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Tests.Placement.Rivals;

/// <summary>The rivals that weigh cache against load, each by its published rule and numbers.</summary>
public sealed class CacheRivalTests
{
    [Theory]
    [InlineData(32, "a")]   // 32 more is not above 32: the cache decides
    [InlineData(33, "b")]
    public void Cache_aware_forgets_the_cache_above_32_more_requests(int more, string expected)
    {
        PoolDriver pool = RivalPools.With("cache-aware", "a", "b");
        pool.Warm("a", (1, 100));
        pool.Decode("a", more);
        Assert.Equal(expected, pool.Next((1, 100)));
    }

    [Fact]
    public void Cache_aware_needs_ten_percent_more_as_well()
    {
        PoolDriver pool = PoolDriver.WithReady(RivalPools.Options("cache-aware:abs=1") with { MaxRequestsPerInstance = 1_000 }, "a", "b");
        pool.Warm("a", (1, 100));
        pool.Decode("b", 30);
        pool.Decode("a", 33);
        Assert.Equal("a", pool.Next((1, 100)));   // 33 is not above 1.1 · 30
        Assert.Equal("b", pool.Next((1, 100)));   // 34 is
    }

    [Theory]
    [InlineData(51, "a")]
    [InlineData(50, "b")]   // half is not above half: the smaller tree
    public void Cache_aware_wants_more_than_half_of_the_prompt(int matching, string expected)
    {
        PoolDriver pool = RivalPools.With("cache-aware", "a", "b");
        pool.Warm("a", (1, 100));
        pool.Decode("b", 5);
        Assert.Equal(expected, pool.Next((1, matching), (2, 100 - matching)));
        if (expected == "b")
            Assert.Equal("a", RivalWithFewestRequests().Next((1, matching), (2, 100 - matching)));

        static PoolDriver RivalWithFewestRequests()
        {
            PoolDriver pool = RivalPools.With("cache-aware:tree=0", "a", "b");
            pool.Warm("a", (1, 100));
            pool.Decode("b", 5);
            return pool;
        }
    }

    [Theory]
    [InlineData("dynamo", 90, "a")]             // a: 10 to prefill, 90 + 100 active; b: 100 and 100
    [InlineData("dynamo", 91, "b")]             // one more block active on a than it saves
    [InlineData("dynamo:overlap=2", 91, "a")]
    [InlineData("dynamo:overlap=0", 1, "b")]    // load alone
    public void Dynamo_adds_blocks_to_prefill_and_blocks_in_decode(string policy, int active, string expected)
    {
        PoolDriver pool = RivalPools.With(policy, "a", "b");
        pool.Progress(pool.Queue("a", (9, active)).Id);
        pool.Warm("a", (1, 90));
        pool.Warm("b", (8, 1));   // a rested longest
        Assert.Equal(expected, pool.Next((1, 90), (2, 10)));
    }

    [Fact]
    public void Dynamo_counts_pending_prefill_and_its_blocks_in_decode_too()
    {
        PoolDriver pool = RivalPools.With("dynamo", "a", "b");
        pool.Queue("a", (9, 40));                    // 40 pending and 40 active
        pool.Progress(pool.Queue("b", (8, 79)).Id);  // 79 active
        Assert.Equal("b", pool.Next((1, 10)));
    }

    [Theory]
    [InlineData("llm-d", 0.5, 0.0, 0, 0, "a")]      // 3 + 0.5 + 2 to 0 + 1 + 2
    [InlineData("llm-d", 0.5, 0.0, 4, 0, "a")]      // 3 + 0.5 + 0 to 0 + 1 + 2: still
    [InlineData("llm-d", 0.9, 0.0, 4, 0, "a")]      // 3.1 to 3
    [InlineData("llm-d:prefix=2", 0.9, 0.0, 4, 0, "b")]
    [InlineData("llm-d", 0.2, 0.9, 4, 3, "a")]      // one request less in the queue counts as much as four
    [InlineData("llm-d:share=1", 0.5, 0.0, 4, 0, "b")]   // 3 · 0.6 + 0.5 to 3
    public void Llm_d_adds_weighted_scores(string policy, double kvA, double kvB, int waitingA, int waitingB, string expected)
    {
        PoolDriver pool = RivalPools.With(policy, "a", "b");
        pool.Warm("a", (1, 60));
        Report(pool, "a", kvA, waitingA);
        Report(pool, "b", kvB, waitingB);
        Assert.Equal(expected, pool.Next((1, 60), (2, 40)));
    }

    [Fact]
    public void Llm_d_scores_the_shorter_of_two_matches_nothing()
    {
        PoolDriver pool = RivalPools.With("llm-d:queue=0", "a", "b", "c");
        pool.Warm("a", (1, 60));
        pool.Warm("b", (1, 59));
        Report(pool, "a", 0.5, 0);
        Assert.Equal("a", pool.Next((1, 100)));              // 3 + 0.5 to 0 + 1
        PoolDriver share = RivalPools.With("llm-d:queue=0,share=1", "a", "b", "c");
        share.Warm("a", (1, 60));
        share.Warm("b", (1, 59));
        Report(share, "a", 0.5, 0);
        Assert.Equal("b", share.Next((1, 100)));             // 1.8 + 0.5 to 1.77 + 1
    }

    [Theory]
    [InlineData(51, "a")]   // more matched than remains: the holder, however loaded
    [InlineData(50, "b")]
    public void Preble_exploits_where_more_matches_than_remains(int matching, string expected)
    {
        PoolDriver pool = RivalPools.With("preble", "a", "b");
        pool.Warm("a", (1, 100));
        pool.Queue("a", (9, 500));
        Assert.Equal(expected, pool.Next((1, matching), (2, 100 - matching)));
    }

    [Fact]
    public void Preble_counts_the_prefill_of_its_window_and_then_no_more()
    {
        PoolDriver pool = RivalPools.With("preble", "a", "b");
        pool.Warm("a", (1, 300));
        pool.Warm("b", (2, 200));
        Assert.Equal("b", pool.Serve(pool.Request(Prompts.Of((3, 50)))).Instance);
        Assert.Equal("b", pool.Serve(pool.Request(Prompts.Of((4, 49)))).Instance);
        pool.Advance(100);
        Assert.Equal("b", pool.Serve(pool.Request(Prompts.Of((5, 2)))).Instance);    // 299 to 300 before
        Assert.Equal("a", pool.Serve(pool.Request(Prompts.Of((6, 1)))).Instance);
        pool.Advance(81);                                                            // left: 1 on a, 2 on b
        Assert.Equal("a", pool.Serve(pool.Request(Prompts.Of((7, 1)))).Instance);
    }

    [Theory]
    [InlineData("preble", "b")]             // 250 owed tokens of 15 ms outweigh 100 blocks of prefill, 0.8 s
    [InlineData("preble:tpot=0", "a")]
    public void Preble_adds_the_output_still_owed(string policy, string expected)
    {
        PoolDriver pool = RivalPools.With(policy, "a", "b");
        pool.Decode("a", 1);
        pool.Warm("b", (2, 100));
        Assert.Equal(expected, pool.Next((1, 10)));
    }

    [Theory]
    [InlineData("preble", "b")]
    [InlineData("preble:evict=0", "a")]
    public void Preble_prices_what_must_be_evicted(string policy, string expected)
    {
        PoolDriver pool = PoolDriver.WithReady(RivalPools.Options(policy + (policy.Contains(':') ? ",window=1" : ":window=1")) with { KvCapacityTokens = 6_400 }, "a", "b");
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { KvCapacityTokens = 6_400 }));
        pool.Give(new InstanceProbed(pool.Now, "b", PoolDriver.Report() with { KvCapacityTokens = 6_400 }));
        pool.Warm("a", (1, 100));   // full
        pool.Warm("b", (2, 20));
        pool.Advance(2);
        Assert.Equal(expected, pool.Next((3, 10)));
    }

    private static void Report(PoolDriver pool, string instance, double kv, int waiting) =>
        pool.Give(new InstanceProbed(pool.Now, instance, PoolDriver.Report() with { KvUsage = kv, Waiting = waiting }));
}
