using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Placement;

/// <summary>Each rule of the policy, with the reason it records. With two instances every prefix's pair is both.</summary>
public sealed class DualHashTests
{
    // 64 tokens a block at 4 bytes a token; 8,000 tokens/s prefill.
    private static readonly PoolOptions Options = new() { Name = "test", Policy = "dual-hash" };

    [Fact]
    public void Equal_caches_go_to_the_lighter_candidate()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        string loaded = pool.Place(pool.Request(Prompts.Of((1, 10)))).Instance;
        Dispatch second = pool.Place(pool.Request(Prompts.Of((2, 10))));
        Assert.NotEqual(loaded, second.Instance);
        Assert.Equal(PlacementRule.Lighter, second.Decision.Rule);
        Assert.Equal([0L, 640L], second.Decision.Candidates.Select(c => c.PendingPrefillTokens).Order());
    }

    [Fact]
    public void Equally_loaded_candidates_take_turns()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        string[] order = [.. Enumerable.Range(0, 6).Select(i => pool.Serve(pool.Request(Prompts.Of(((ulong)i, 10)))).Instance)];
        Assert.Equal([order[0], order[1], order[0], order[1], order[0], order[1]], order);
        Assert.NotEqual(order[0], order[1]);
    }

    [Fact]
    public void The_longer_cached_prefix_wins_over_the_lighter_queue()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        string warm = pool.Serve(pool.Request(Prompts.Of((1, 100)))).Instance;
        pool.Place(pool.Request(Prompts.Of((1, 100), (2, 200))));   // its queue: 200 blocks
        Dispatch next = pool.Place(pool.Request(Prompts.Of((1, 100), (3, 10))));
        Assert.Equal((warm, PlacementRule.Warm), (next.Instance, next.Decision.Rule));
        CandidateScore score = next.Decision.Candidates.Single(c => c.Instance == warm);
        Assert.Equal((6_400, 640, 12_800L, 1), (score.CachedTokens, score.UncachedTokens, score.PendingPrefillTokens, score.Requests));
        Assert.Equal((PrefillWork.Of(12_800, 19_200) + PrefillWork.Of(640, 7_040)) / 8_000.0, score.EstimatedTtft.TotalSeconds, 1e-6);
    }

    [Fact]
    public void A_candidate_both_warm_and_light_is_taken_for_being_warm()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        string warm = pool.Serve(pool.Request(Prompts.Of((1, 100)))).Instance;
        pool.Place(pool.Request(Prompts.Of((2, 10))));   // goes to the other, which rested longest
        Dispatch next = pool.Place(pool.Request(Prompts.Of((1, 100), (3, 10))));
        Assert.Equal((warm, PlacementRule.Warm), (next.Instance, next.Decision.Rule));
    }

    [Fact]
    public void A_warm_candidate_whose_queue_breaks_the_slo_is_left_for_the_lighter()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
        string warm = pool.Serve(pool.Request(Prompts.Of((1, 100)))).Instance;
        pool.Place(pool.Request(Prompts.Of((1, 100), (2, 394))));   // 4.95 s of prefill queued on the warm one
        Dispatch within = pool.Place(pool.Request(Prompts.Of((1, 100), (3, 5))));
        Assert.Equal((warm, PlacementRule.Warm), (within.Instance, within.Decision.Rule));
        Dispatch beyond = pool.Place(pool.Request(Prompts.Of((1, 100), (4, 1))));
        Assert.NotEqual(warm, beyond.Instance);
        Assert.Equal(PlacementRule.Lighter, beyond.Decision.Rule);
        Assert.True(beyond.Decision.Candidates.Single(c => c.Instance == warm).EstimatedTtft > Options.TtftSlo);
    }

    [Fact]
    public void A_saturated_candidate_leaves_only_the_other()
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { MaxRequestsPerInstance = 1 }, "a", "b");
        string full = pool.Place(pool.Request(Prompts.Of((1, 10)))).Instance;
        Dispatch next = pool.Place(pool.Request(Prompts.Of((1, 10))));
        Assert.NotEqual(full, next.Instance);
        Assert.Equal(PlacementRule.OnlyCandidate, next.Decision.Rule);
        Assert.Equal("request-limit", next.Decision.Candidates.Single(c => c.Instance == full).Refused);
        Assert.Null(next.Decision.Candidates.Single(c => c.Instance == next.Instance).Refused);
    }

    [Fact]
    public void Requests_whose_candidates_are_all_saturated_spill_to_the_least_loaded()
    {
        PoolDriver pool = PoolDriver.WithReady(Options with { MaxRequestsPerInstance = 1 }, "a", "b", "c", "d");
        var taken = new List<Dispatch>();
        for (int i = 0; i < 4; i++)
            taken.Add(pool.Place(pool.Request(Prompts.Of((1, 10)))));
        Assert.Equal(4, taken.Select(d => d.Instance).Distinct().Count());
        Assert.Equal([PlacementRule.Lighter, PlacementRule.OnlyCandidate, PlacementRule.Spill, PlacementRule.Spill], taken.Select(d => d.Decision.Rule));
        Assert.Equal(CandidateRole.LeastLoaded, taken[2].Decision.Candidates[^1].Role);
        Assert.Equal(["request-limit", "request-limit", null], taken[2].Decision.Candidates.Select(c => c.Refused));
        Assert.IsType<Held>(pool.Arrive(pool.Request(Prompts.Of((1, 10)))));
    }

    [Fact]
    public void A_conversation_keeps_to_its_pair_while_it_grows()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, [.. Enumerable.Range(0, 12).Select(i => $"e{i:00}")]);
        string first = pool.Serve(pool.Request(Prompts.Of((5, 10)))).Instance;
        for (int turn = 1; turn < 20; turn++)
            Assert.Equal(first, pool.Serve(pool.Request(Prompts.Of((5, 10 + 5 * turn)), turns: turn)).Instance);
    }

    [Fact]
    public void A_hot_system_prompt_spreads_over_the_fleet_yet_users_stay_where_their_cache_is()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, [.. Enumerable.Range(0, 16).Select(i => $"e{i:00}")]);
        var home = new Dictionary<ulong, string>();
        for (ulong user = 0; user < 600; user++)
            home[user] = pool.Serve(pool.Request(Prompts.Of((1, 20), (100 + user, 20)))).Instance;
        // By then the key is lengthened; an instance no user opened on while both its partners were cold may stay cold.
        var spread = home.Where(h => h.Key >= 200).GroupBy(h => h.Value).Select(g => g.Count()).ToList();
        Assert.InRange(spread.Count, 12, 16);
        Assert.True(spread.Max() < 3 * 400 / 16, $"the most loaded took {spread.Max()} of 400");
        for (ulong user = 500; user < 600; user++)
        {
            Dispatch again = pool.Serve(pool.Request(Prompts.Of((1, 20), (100 + user, 30)), turns: 1));
            Assert.Equal(home[user], again.Instance);
            Assert.Equal(32, again.Decision.Key.Depth);
        }
    }

    [Fact]
    public void Short_questions_under_a_hot_system_prompt_are_not_kept_to_one_pair()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, [.. Enumerable.Range(0, 8).Select(i => $"e{i}")]);
        ulong[] system = Prompts.Of((1, 10)).Hashes;
        var places = new List<string>();
        for (ulong question = 0; question < 800; question++)
        {
            Dispatch dispatch = pool.Place(pool.Request(new(system, 2_600, question)));
            pool.Progress(dispatch.RequestId);
            places.Add(dispatch.Instance);
        }
        // Not all eight: an instance whose partners are all warm already stays cold while they meet the SLO.
        Assert.InRange(places.Skip(400).Distinct().Count(), 6, 8);
    }

    [Fact]
    public void Short_prompts_spread_by_their_text_and_sessions_by_their_id()
    {
        PoolDriver pool = PoolDriver.WithReady(Options, [.. Enumerable.Range(0, 8).Select(i => $"e{i}")]);
        var byText = new HashSet<string>();
        for (int i = 0; i < 100; i++)
            byText.Add(pool.Serve(pool.Request(new([], 100, (ulong)i))).Instance);
        Assert.Equal(8, byText.Count);
        Dispatch one = pool.Serve(pool.Request(new([], 100, 1), session: "s")), other = pool.Serve(pool.Request(new([], 100, 2), session: "s"));
        Assert.Equal(one.Decision.Key, other.Decision.Key);
    }
}
