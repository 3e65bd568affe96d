using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Placement.Rivals;

/// <summary>What holds for all: the filter, determinism, and a place in the list.</summary>
public sealed class EveryRivalTests
{
    public static TheoryData<string> All => [.. PlacementPolicies.Rivals];

    public static TheoryData<string> Variants => [.. PlacementPolicies.Rivals.SelectMany(PlacementPolicies.Variants)];

    [Theory, MemberData(nameof(Variants))]
    public void A_variant_is_a_policy_and_is_recorded_by_its_full_name(string variant)
    {
        Dispatch dispatch = RivalPools.With(variant, "a", "b").Place(new PoolDriver().Request());
        Assert.Equal(variant, dispatch.Decision.Policy);
    }

    [Theory, MemberData(nameof(All))]
    public void The_published_setting_is_the_first_of_few_different_variants(string rival)
    {
        IReadOnlyList<string> variants = PlacementPolicies.Variants(rival);
        Assert.Equal(rival, variants[0]);
        Assert.InRange(variants.Count, 1, 5);
        Assert.Equal(variants, variants.Distinct());
        Assert.All(variants, v => Assert.Equal(rival, v.Split(':')[0]));
        Assert.Contains(rival, PlacementPolicies.Names);
    }

    [Theory, MemberData(nameof(Variants))]
    public void None_places_on_a_saturated_instance_and_all_hold_when_every_one_is(string variant)
    {
        PoolDriver pool = PoolDriver.WithReady(RivalPools.Options(variant) with { MaxRequestsPerInstance = 2 }, "a", "b", "c");
        var places = new List<string>();
        for (int i = 0; i < 6; i++)
            places.Add(pool.Place(pool.Request(Prompts.Of((1, 20)), "one session", turns: i)).Instance);
        Assert.All(new[] { "a", "b", "c" }, id => Assert.Equal(2, places.Count(id.Equals)));
        Assert.IsType<Held>(pool.Arrive(pool.Request(Prompts.Of((1, 20)), "one session")));
    }

    [Theory, MemberData(nameof(Variants))]
    public void None_goes_back_to_an_instance_out_of_reach(string variant)
    {
        PoolDriver pool = RivalPools.With(variant, "a", "b");
        PlacementRequest request = pool.Request(Prompts.Of((1, 20)), "s");
        string first = pool.Place(request).Instance;
        Dispatch again = pool.Fail(request.Id, AttemptFailure.Unreachable).OfType<Dispatch>().Single();
        Assert.NotEqual(first, again.Instance);
    }

    [Theory, MemberData(nameof(Variants))]
    public void The_same_events_give_the_same_places(string variant) => Assert.Equal(Places(variant), Places(variant));

    private static List<string> Places(string variant)
    {
        var random = new SplitMix64(11);
        PoolDriver pool = RivalPools.With(variant, [.. Enumerable.Range(0, 7).Select(i => $"e{i}")]);
        var places = new List<string>();
        var open = new List<string>();
        for (int i = 0; i < 300; i++)
        {
            pool.Advance(0.05);
            PlacementRequest request = pool.Request(Prompts.Of((1, 4), ((ulong)random.Below(20) + 2, 1 + random.Below(60))), turns: random.Below(3));
            places.Add(pool.Place(request).Instance);
            open.Add(request.Id);
            string id = random.Pick(open);
            pool.Progress(id, 1 + random.Below(50));
            if (random.Chance(0.7))
            {
                pool.End(id);
                open.Remove(id);
            }
        }
        return places;
    }

    [Theory]
    [InlineData("magic", "no placement policy is called 'magic'; known: least-cost, dual-hash, ")]
    [InlineData("smetric:slak=3", "placement policy 'smetric:slak=3': slak is no parameter of smetric; known: slack, base, per1k")]
    [InlineData("round-robin:turns=3", "turns is no parameter of round-robin; it has none")]
    [InlineData("dual-hash:", "'' is no parameter; write NAME=VALUE")]
    [InlineData("chwbl:load", "'load' is no parameter; write NAME=VALUE")]
    [InlineData("chwbl:load=0.5", "load 0.5 is out of range; write 1 to 100")]
    [InlineData("chwbl:load=NaN", "load NaN is out of range; write 1 to 100")]
    [InlineData("chwbl:load=much", "load 'much' is no number; write one, as in load=1.25")]
    [InlineData("chwbl:blocks=1.5", "blocks 1.5 is no whole number; write 1 to 4096")]
    [InlineData("llm-d:kv=1,kv=2", "kv is given twice; keep one of the two")]
    [InlineData("cache-aware:tree=2", "tree 2 is out of range; write 0 to 1")]
    public void What_is_no_policy_is_refused_in_one_line(string policy, string why)
    {
        ArgumentException refused = Assert.Throws<ArgumentException>(() => new Pool(RivalPools.Options(policy)));
        Assert.Contains(why, refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void Variants_of_no_policy_are_refused() => Assert.Throws<ArgumentException>(() => PlacementPolicies.Variants("magic"));
}
