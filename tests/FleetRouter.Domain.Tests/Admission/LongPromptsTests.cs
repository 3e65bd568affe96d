using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Admission;

/// <summary>The longest prompts are not starved by those that fit sooner.</summary>
public sealed class LongPromptsTests
{
    private static readonly TimeSpan Slo = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(10)]
    [InlineData(100_000)]
    public void A_tenth_are_the_longest_whatever_came_first(int first)
    {
        var prompts = new LongPrompts();
        var random = new SplitMix64(1);
        prompts.IsLong(first);
        bool[] isLong = [.. Enumerable.Range(0, 5_000).Select(_ => prompts.IsLong(1 + random.Below(20_000)))];
        Assert.InRange(isLong.Skip(1_000).Count(it => it) / 4_000.0, 0.08, 0.12);
    }

    [Fact]
    public void Nothing_is_done_for_them_while_they_fare_as_the_others_do()
    {
        LongPrompts prompts = After(missing: 0.05, longMissing: 0.05);
        Assert.InRange(prompts.Lead(Slo).TotalSeconds, 0, 0.5);
        Assert.Equal((TimeSpan.Zero, 0L), (After(0, 0).Lead(Slo), After(0, 0).Room));
    }

    [Fact]
    public void Where_they_starve_they_go_half_their_slo_sooner_and_the_others_leave_room()
    {
        LongPrompts prompts = After(missing: 0.02, longMissing: 0.4);
        Assert.Equal(2.5, prompts.Lead(Slo).TotalSeconds, 1e-6);
        Assert.InRange(prompts.Room, 900, 1_100);   // a tenth of their 10,000 tokens
    }

    [Fact]
    public void That_nine_tenths_of_all_are_in_time_comes_first()
    {
        LongPrompts prompts = After(missing: 0.1, longMissing: 0.9);
        Assert.Equal((TimeSpan.Zero, 0L), (prompts.Lead(Slo), prompts.Room));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_of_them_goes_before_those_that_came_a_little_sooner_where_they_starve(bool starve)
    {
        PoolDriver pool = Pool(starve);
        Run(pool, Ask(pool, 1, 300));
        PlacementRequest brief = Ask(pool, 20, 1), longer = Ask(pool, 21, 3);
        Assert.IsType<Held>(pool.Arrive(brief));
        pool.Advance(1);
        Assert.IsType<Held>(pool.Arrive(longer));
        string[] order = starve ? [longer.Id, brief.Id] : [brief.Id, longer.Id];
        Assert.Equal(order, pool.Pool.Instances.Single().Claims.All.Select(work => work.Request.Id));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_others_leave_room_for_them_where_they_starve(bool starve)
    {
        PoolDriver pool = Pool(starve);
        Run(pool, Ask(pool, 30, 290));   // of 300 blocks, of which 6 are for what answers grow by
        Assert.IsType(starve ? typeof(Held) : typeof(Dispatch), pool.Arrive(Ask(pool, 31, 1)));
    }

    [Fact]
    public void They_take_the_room_that_was_left()
    {
        PoolDriver pool = Pool(starve: true);
        Run(pool, Ask(pool, 30, 290));
        pool.Place(Ask(pool, 31, 3));
    }

    [Fact]
    public void One_of_them_is_not_refused_while_its_time_is_not_up_however_long_the_wait_seems()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", KvCapacityTokens = 19_200, RefuseLate = true }, "a");
        for (ulong n = 0; n < 400; n++)
        {
            PlacementRequest request = Ask(pool, 100 + n, n % 20 == 19 ? 100 : 2);
            pool.Place(request);
            pool.Progress(request.Id);
            pool.Advance(60);
            pool.End(request.Id);
        }
        Run(pool, Ask(pool, 30, 290));   // of 300 blocks, for a minute by all that is known
        Assert.IsType<Held>(pool.Arrive(Ask(pool, 31, 100)));
        Assert.Single(pool.Advance(6).OfType<Refuse>());
    }

    /// <summary>One instance with room for 300 blocks, where one prompt in 20 has 100 and the others 2. Either the long ones had their first
    /// tokens too late lately, or nobody had.</summary>
    private static PoolDriver Pool(bool starve)
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", KvCapacityTokens = 19_200 }, "a");
        for (ulong n = 0; n < 400; n++)
        {
            bool isLong = n % 20 == 19;
            PlacementRequest request = Ask(pool, 100 + n, isLong ? 100 : 2);
            pool.Place(request);
            pool.Advance(starve && isLong ? 6 : 0.5);
            pool.Progress(request.Id);
            pool.End(request.Id);
        }
        return pool;
    }

    /// <summary>Has a prompt computed, and answers beside it settle, so that only room in the cache is short.</summary>
    private static void Run(PoolDriver pool, PlacementRequest request)
    {
        pool.Place(request);
        pool.Progress(request.Id);
        pool.Advance(200);
    }

    private static PlacementRequest Ask(PoolDriver pool, ulong content, int blocks) => pool.Request(Prompts.Of((content, blocks)));

    private static LongPrompts After(double missing, double longMissing)
    {
        var prompts = new LongPrompts();
        var random = new SplitMix64(2);
        for (int i = 0; i < 5_000; i++)
        {
            bool isLong = i % 10 == 0;
            prompts.IsLong(isLong ? 10_000 : 1_000);
            prompts.Ended(isLong, random.Chance(isLong ? longMissing : missing));
        }
        return prompts;
    }
}
