using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Fleet;

/// <summary>What the pool learns from engines' reports and answers.</summary>
public sealed class LearningTests
{
    private static readonly PoolOptions Options = new() { Name = "test", Policy = "dual-hash", PrefillTokensPerSecond = 8_000 };

    /// <summary>What lies between a dispatch and a first token beside the prefill, seconds.</summary>
    private const double Overhead = 0.02;

    [Fact]
    public void Requests_of_others_count_only_when_two_reports_in_a_row_show_them()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        Saw(pool, running: 5, waiting: 2);
        Assert.Equal(0, pool.View("a").ForeignRequests);
        Saw(pool, running: 4, waiting: 1);
        Assert.Equal(5, pool.View("a").ForeignRequests);
        Saw(pool, running: 0, waiting: 0);
        Assert.Equal(0, pool.View("a").ForeignRequests);
        Saw(pool, running: 9, waiting: 0);
        Assert.Equal(0, pool.View("a").ForeignRequests);
    }

    [Fact]
    public void The_pools_own_requests_are_not_taken_for_those_of_others()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        pool.Place(pool.Request());
        pool.Place(pool.Request());
        for (int i = 0; i < 3; i++)
            Saw(pool, running: 2, waiting: 0);
        Assert.Equal(0, pool.View("a").ForeignRequests);
    }

    [Fact]
    public void Requests_of_others_weigh_when_the_lighter_is_sought_and_fill_the_instance()
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { MaxRequestsPerInstance = 4 }, "a", "b");
        Saw(pool, running: 3, waiting: 0);
        Saw(pool, running: 3, waiting: 0);
        Assert.Equal("b", pool.Place(pool.Request()).Instance);
        Assert.Equal("b", pool.Place(pool.Request()).Instance);
        Saw(pool, running: 4, waiting: 0);
        Saw(pool, running: 4, waiting: 0);
        Dispatch last = pool.Place(pool.Request());
        Assert.Equal("request-limit", last.Decision.Candidates.Single(c => c.Instance == "a").Refused);
    }

    [Fact]
    public void A_restarted_engine_has_an_empty_cache_whatever_was_believed_of_it()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { StartedAtSeconds = 1_700_000_000.25 }));
        pool.Serve(pool.Request(Prompts.Of((1, 50))));
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { StartedAtSeconds = 1_700_000_000.25 }));
        Assert.Equal(50, pool.View("a").PrefixBlocks);
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report()));   // one that does not say says nothing
        Assert.Equal(50, pool.View("a").PrefixBlocks);
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { StartedAtSeconds = 1_700_000_100 }));
        Assert.Equal(0, pool.View("a").PrefixBlocks);
    }

    [Fact]
    public void The_cache_believed_in_is_as_large_as_the_engine_says()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        Assert.Equal(400_000 / 64, pool.View("a").PrefixCapacityBlocks);
        pool.Serve(pool.Request(Prompts.Of((1, 500))));
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { KvCapacityTokens = 6_400 }));
        Assert.Equal((100L, 100L), (pool.View("a").PrefixCapacityBlocks, pool.View("a").PrefixBlocks));
    }

    [Fact]
    public void A_full_engine_that_queues_takes_no_more_until_it_reports_room()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        pool.Place(pool.Request());
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { KvUsage = 0.99, Waiting = 1, Running = 1 }));
        Assert.IsType<Held>(pool.Arrive(pool.Request()));
        Assert.Single(pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { KvUsage = 0.5, Waiting = 0, Running = 1 })).OfType<Dispatch>());
    }

    [Theory]
    [InlineData(2_000)]
    [InlineData(40_000)]
    public void The_prefill_rate_moves_to_what_first_tokens_show(double rate)
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        double before = Math.Abs(pool.View("a").PrefillTokensPerSecond - rate);
        for (ulong i = 0; i < 40; i++)
        {
            PlacementRequest request = pool.Request(Prompts.Of((i, 100)));
            pool.Place(request);
            pool.Advance(PrefillWork.Of(6_400, 6_400) / rate + Overhead);
            pool.Progress(request.Id);
            double now = Math.Abs(pool.View("a").PrefillTokensPerSecond - rate);
            Assert.True(now < before, $"{now} < {before}");
            before = now;
            pool.End(request.Id);
        }
        Assert.Equal(rate, pool.View("a").PrefillTokensPerSecond, rate * 0.1);
    }

    [Fact]
    public void Queued_work_counts_into_the_rate()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        PlacementRequest first = pool.Request(Prompts.Of((1, 100))), second = pool.Request(Prompts.Of((2, 100)));
        pool.Place(first);
        pool.Place(second);
        double seconds = PrefillWork.Of(6_400, 6_400) / 8_000 + Overhead;
        pool.Advance(seconds);
        pool.Progress(first.Id);
        pool.Advance(seconds);      // the second waited for the first
        pool.Progress(second.Id);
        Assert.Equal(8_000, pool.View("a").PrefillTokensPerSecond, 1e-6);
    }

    /// <summary>Prompts that end in one step come to their first tokens together: the speed is that of all of them, not the mean of each.</summary>
    [Fact]
    public void Prompts_that_end_in_one_step_teach_their_common_speed()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        for (ulong i = 0; i < 40; i++)
        {
            PlacementRequest one = pool.Request(Prompts.Of((2 * i, 50))), other = pool.Request(Prompts.Of((2 * i + 1, 50)));
            pool.Place(one);
            pool.Place(other);
            pool.Advance(2 * PrefillWork.Of(3_200, 3_200) / 4_000 + Overhead);
            pool.Progress(one.Id);
            pool.Progress(other.Id);
            pool.End(one.Id);
            pool.End(other.Id);
        }
        Assert.Equal(4_000, pool.View("a").PrefillTokensPerSecond, 100.0);
    }

    [Fact]
    public void No_first_token_however_strange_takes_the_rate_out_of_bounds()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        for (ulong i = 0; i < 400; i++)
        {
            PlacementRequest request = pool.Request(Prompts.Of((i, 100)));
            pool.Place(request);
            pool.Advance(i < 200 ? TimeSpan.FromTicks(1) : TimeSpan.FromHours(5));
            pool.Progress(request.Id);
            pool.End(request.Id);
            Assert.InRange(pool.View("a").PrefillTokensPerSecond, 8_000 / 50.0, 8_000 * 50.0);
        }
    }

    [Fact]
    public void Neither_short_nor_cached_prompts_nor_later_tokens_teach_the_rate()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        PlacementRequest one = pool.Request(Prompts.Of((1, 15)));
        pool.Place(one);
        pool.Advance(30);
        pool.Progress(one.Id);
        Assert.Equal(8_000, pool.View("a").PrefillTokensPerSecond);
        PlacementRequest two = pool.Request(Prompts.Of((1, 15), (2, 15)));
        pool.Place(two);
        pool.Advance(30);
        pool.Progress(two.Id);
        Assert.Equal(8_000, pool.View("a").PrefillTokensPerSecond);
        PlacementRequest three = pool.Request(Prompts.Of((3, 100)));
        pool.Place(three);
        pool.Advance(0.8);
        pool.Progress(three.Id);
        double learned = pool.View("a").PrefillTokensPerSecond;
        pool.Advance(60);
        pool.Progress(three.Id, 500);
        Assert.Equal(learned, pool.View("a").PrefillTokensPerSecond);
    }

    [Theory]
    [InlineData(2.5)]
    [InlineData(6.4)]
    public void Bytes_a_token_move_to_what_engines_count(double bytesPerToken)
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        double before = Math.Abs(pool.Pool.Describe().BytesPerToken - bytesPerToken);
        for (ulong i = 0; i < 150; i++)
        {
            PlacementRequest request = pool.Request(Prompts.Of((i, 100)));
            pool.Place(request);
            pool.End(request.Id, usage: new TokenUsage((int)(25_600 / bytesPerToken), null, 10));
            double now = Math.Abs(pool.Pool.Describe().BytesPerToken - bytesPerToken);
            Assert.True(now < before);
            before = now;
        }
        Assert.Equal(bytesPerToken, pool.Pool.Describe().BytesPerToken, 0.01);
        Assert.Equal(Math.Ceiling(25_600 / pool.Pool.Describe().BytesPerToken), pool.Place(pool.Request(Prompts.Of((1_000, 100)))).Decision.PromptTokens);
    }

    [Fact]
    public void No_count_however_strange_takes_bytes_a_token_out_of_bounds()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        foreach (int counted in Enumerable.Repeat(int.MaxValue, 300).Concat(Enumerable.Repeat(1, 300)).Append(0).Append(-5))
        {
            PlacementRequest request = pool.Request(Prompts.Of((1, 100)));
            pool.Place(request);
            pool.End(request.Id, usage: new TokenUsage(counted, 0, counted));
            Assert.InRange(pool.Pool.Describe().BytesPerToken, 1, 16);
        }
    }

    [Fact]
    public void A_prompt_sent_as_ids_is_counted_exactly_whatever_text_takes()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        for (ulong i = 0; i < 100; i++)
        {
            PlacementRequest text = pool.Request(Prompts.Of((i, 100)));
            pool.Place(text);
            pool.End(text.Id, usage: new TokenUsage(12_800, null, 10));   // 2 bytes a token
        }
        PromptChain ids = Prompts.Of((1_000, 10)), longer = Prompts.Of((1_000, 10), (1_001, 10));
        pool.Serve(pool.Request(ids) with { PromptTokens = 640 });
        CandidateScore score = pool.Place(pool.Request(longer) with { PromptTokens = 1_280 }).Decision.Candidates.Single();
        Assert.Equal((640, 640), (score.CachedTokens, score.UncachedTokens));
    }

    [Fact]
    public void The_lease_holds_the_uncached_prompt_until_the_first_token_and_shrinks_with_each_after_it()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        pool.Serve(pool.Request(Prompts.Of((1, 10))));
        PlacementRequest request = pool.Request(Prompts.Of((1, 10), (2, 5)), output: 100);
        pool.Place(request);
        AssertLoad(pool, leases: 1, prefill: 320, decode: 100);
        pool.Progress(request.Id, 1);
        AssertLoad(pool, 1, 0, 99);
        pool.Progress(request.Id, 60);
        AssertLoad(pool, 1, 0, 40);
        pool.Progress(request.Id, 50);   // coalesced progress may come late
        AssertLoad(pool, 1, 0, 40);
        pool.Progress(request.Id, 300);  // longer than projected
        AssertLoad(pool, 1, 0, 0);
        pool.End(request.Id, RequestEnd.ClientGone);
        AssertLoad(pool, 0, 0, 0);
    }

    private static void AssertLoad(PoolDriver pool, int leases, long prefill, long decode)
    {
        InstanceView view = pool.View("a");
        Assert.Equal((leases, prefill, decode), (view.Leases, view.PendingPrefillTokens, view.DecodeTokens));
    }

    private static void Saw(PoolDriver pool, int running, int waiting) =>
        pool.Give(new InstanceProbed(pool.Now, "a", PoolDriver.Report() with { Running = running, Waiting = waiting }));

    [Fact]
    public void What_a_pool_learned_its_next_life_begins_with_and_learns_on()
    {
        PoolDriver first = PoolDriver.WithReady(Options, "a");
        Assert.Null(first.Pool.Learned);
        Teach(first, bytesPerToken: 6.4, seconds: 0.2);
        LearnedProfile learned = first.Pool.Learned!;
        Assert.Equal(6.4, learned.BytesPerToken, 0.1);

        PoolDriver next = new(Options);
        next.Give(new ProfileRecalled(next.Now, learned));
        next.MakeReady("b");
        Assert.Equal(learned.BytesPerToken, next.Pool.Describe().BytesPerToken);
        Assert.Equal(learned.PrefillTokensPerSecond!.Value, next.View("b").PrefillTokensPerSecond);
        Assert.Null(next.Pool.Learned);   // nothing of its own yet
        Teach(next, bytesPerToken: 3, seconds: 4);
        Assert.Equal(3, next.Pool.Learned!.BytesPerToken, 0.1);
        Assert.InRange(next.Pool.Learned.PrefillTokensPerSecond!.Value, 1, 0.5 * learned.PrefillTokensPerSecond.Value);
    }

    [Fact]
    public void What_a_pool_has_learned_itself_counts_before_what_it_is_told_of_an_earlier_life()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a");
        Teach(pool, bytesPerToken: 6.4, seconds: 0.2);
        LearnedProfile learned = pool.Pool.Learned!;
        pool.Give(new ProfileRecalled(pool.Now, new LearnedProfile(2, 10, 10, 100)));
        Assert.Equal(learned, pool.Pool.Learned);
    }

    [Fact]
    public void Of_an_earlier_life_nothing_absurd_is_believed()
    {
        PoolDriver pool = new(Options);
        pool.Give(new ProfileRecalled(pool.Now, new LearnedProfile(1e9, -5, double.MinValue, 1e30)));
        pool.MakeReady("a");
        Assert.Equal((16, 8_000 * 50.0), (pool.Pool.Describe().BytesPerToken, pool.View("a").PrefillTokensPerSecond));
        Assert.NotNull(pool.Place(pool.Request(Prompts.Of((1, 100)))).Instance);
    }

    /// <summary>Has engines count so many bytes a token, and compute each prompt of 25,600 bytes in so many seconds.</summary>
    private static void Teach(PoolDriver pool, double bytesPerToken, double seconds)
    {
        for (ulong i = 0; i < 150; i++)
        {
            PlacementRequest request = pool.Request(Prompts.Of((10_000 + i, 100)));
            pool.Place(request);
            pool.Advance(seconds);
            pool.Progress(request.Id);
            pool.End(request.Id, usage: new TokenUsage((int)(25_600 / bytesPerToken), null, 10));
        }
    }
}
