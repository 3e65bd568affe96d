using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Placement;

public sealed class CandidatePairTests
{
    private const int Keys = 20_000;

    [Theory]
    // Computed by a separate program (Python over libxxhash), so another process, machine or gateway agrees.
    [InlineData(0UL, "engine-3", "engine-4")]
    [InlineData(1UL, "engine-6", "engine-1")]
    [InlineData(2UL, "engine-0", "engine-3")]
    [InlineData(3UL, "engine-2", "engine-3")]
    [InlineData(42UL, "engine-2", "engine-4")]
    [InlineData(0xDEADBEEFUL, "engine-0", "engine-4")]
    [InlineData(ulong.MaxValue, "engine-1", "engine-0")]
    [InlineData(123_456_789UL, "engine-7", "engine-2")]
    public void A_key_names_the_same_pair_in_every_process(ulong key, string first, string second) =>
        Assert.Equal((first, second), Ids(CandidatePair.Of(key, new ReadySet(Fleet(8)))));

    [Fact]
    public void The_two_are_distinct()
    {
        var fleet = new ReadySet(Fleet(2));
        for (ulong key = 0; key < Keys; key++)
        {
            CandidatePair pair = CandidatePair.Of(key, fleet);
            Assert.NotSame(pair.First, pair.Second);
            Assert.NotNull(pair.Second);
        }
    }

    [Fact]
    public void A_fleet_of_one_has_no_second() =>
        Assert.Equal(("engine-0", null), Ids(CandidatePair.Of(7, new ReadySet(Fleet(1)))));

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(64)]
    public void A_member_that_leaves_or_joins_changes_exactly_the_pairs_it_is_part_of(int size)
    {
        Instance[] with = Fleet(size);
        int changed = 0;
        foreach (int leaver in new[] { 0, size / 2, size - 1 })
        {
            ReadySet all = new(with), without = new([.. with.Where((_, i) => i != leaver)]);
            for (ulong key = 0; key < Keys / 4; key++)
            {
                (string First, string? Second) before = Ids(CandidatePair.Of(key, all)), after = Ids(CandidatePair.Of(key, without));
                bool wasPart = before.First == with[leaver].Id || before.Second == with[leaver].Id;
                Assert.Equal(wasPart, before != after);
                // What was not the leaver's place stays in the pair.
                if (before.First != with[leaver].Id)
                    Assert.Equal(before.First, after.First);
                else
                    Assert.Contains(before.Second, new[] { after.First, after.Second });
                changed += wasPart ? 1 : 0;
            }
        }
        double share = changed / (3.0 * (Keys / 4));
        Assert.InRange(share, 0.85 * 2 / size, 1.15 * 2 / size);
    }

    [Fact]
    public void The_order_of_the_members_does_not_matter()
    {
        ReadySet fleet = new(Fleet(16)), reversed = new([.. Fleet(16).Reverse()]);
        for (ulong key = 0; key < 1_000; key++)
            Assert.Equal(Ids(CandidatePair.Of(key, fleet)), Ids(CandidatePair.Of(key, reversed)));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(50)]
    public void Keys_spread_evenly_over_members_and_over_pairs(int size)
    {
        var fleet = new ReadySet(Fleet(size));
        var firsts = new Dictionary<string, int>();
        var seconds = new Dictionary<string, int>();
        var partners = new Dictionary<string, int>();
        for (ulong key = 0; key < Keys; key++)
        {
            (string first, string? second) = Ids(CandidatePair.Of(XxHash64.Mix(key, 99), fleet));
            firsts[first] = firsts.GetValueOrDefault(first) + 1;
            seconds[second!] = seconds.GetValueOrDefault(second!) + 1;
            if (first == "engine-0")
                partners[second!] = partners.GetValueOrDefault(second!) + 1;
        }
        // Five standard deviations of a binomial count.
        AssertEven(firsts, size, Keys);
        AssertEven(seconds, size, Keys);
        AssertEven(partners, size - 1, firsts["engine-0"]);
    }

    private static void AssertEven(Dictionary<string, int> counts, int places, int draws)
    {
        double mean = (double)draws / places, spread = 5 * Math.Sqrt(mean) + 1;
        Assert.Equal(places, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, mean - spread, mean + spread));
    }

    private static Instance[] Fleet(int size)
    {
        var options = new PoolOptions { Name = "test" };
        return [.. Enumerable.Range(0, size).Select(i => new Instance($"engine-{i}", options, new Peers(8_000)))];
    }

    private static (string First, string? Second) Ids(CandidatePair pair) => (pair.First.Id, pair.Second?.Id);
}
