using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Sessions;

public sealed class SessionHomesTests
{
    private static readonly PoolOptions Options = new() { Name = "test", Policy = "dual-hash", MaxSessions = 3, SessionIdleTime = TimeSpan.FromMinutes(10) };

    [Fact]
    public void A_session_known_by_its_id_stays_home_though_its_prefix_names_others()
    {
        PoolDriver pool = Fleet();
        string home = pool.Serve(pool.Request(Prompts.Of((1, 20)), "chat-1")).Instance;
        Dispatch next = pool.Serve(pool.Request(PromptAwayFrom(pool, home), "chat-1"));
        Assert.Equal((home, PlacementRule.SessionHome), (next.Instance, next.Decision.Rule));
        Assert.Equal([CandidateRole.FirstHash, CandidateRole.SecondHash, CandidateRole.Home], next.Decision.Candidates.Select(c => c.Role));
    }

    [Fact]
    public void A_home_that_another_gateway_knows_counts_until_the_pool_knows_one_itself()
    {
        PoolDriver pool = Fleet();
        PromptChain prompt = PromptAwayFrom(pool, "e3");
        Dispatch first = pool.Serve(pool.Request(prompt, "chat-1") with { Home = "e3" });
        Assert.Equal(("e3", PlacementRule.SessionHome), (first.Instance, first.Decision.Rule));
        Dispatch second = pool.Serve(pool.Request(prompt, "chat-1") with { Home = "e4" });
        Assert.Equal(("e3", PlacementRule.SessionHome), (second.Instance, second.Decision.Rule));
        Dispatch gone = pool.Serve(pool.Request(prompt, "chat-2") with { Home = "nowhere" });
        Assert.DoesNotContain(gone.Decision.Candidates, c => c.Role == CandidateRole.Home);
    }

    [Fact]
    public void A_home_that_another_gateway_knows_is_believed_to_have_what_was_asked_there()
    {
        PoolDriver pool = Fleet(Options with { Policy = "least-cost" });
        PromptChain prompt = PromptAwayFrom(pool, "e3");
        Dispatch next = pool.Serve(pool.Request(prompt, "chat-1", turns: 1) with { Home = "e3", PriorBlocks = 3 });
        Assert.Equal(("e3", PlacementRule.SessionHome), (next.Instance, next.Decision.Rule));
        Assert.True(next.Decision.Candidates.Single(c => c.Instance == "e3").CachedTokens > 0);
        Dispatch unknown = pool.Serve(pool.Request(Prompts.Of((7, 4)), "chat-2", turns: 1) with { Home = "nowhere", PriorBlocks = 30 });
        Assert.All(unknown.Decision.Candidates, c => Assert.Equal(0, c.CachedTokens));
    }

    [Fact]
    public void A_session_known_by_its_own_chain_stays_home_when_the_fleet_grows()
    {
        for (ulong content = 1; content < 40; content++)
        {
            PoolDriver pool = PoolDriver.WithReady(Options, "a", "b");
            string home = pool.Serve(pool.Request(Prompts.Of((content, 20)))).Instance;
            for (int i = 0; i < 10; i++)
                pool.MakeReady($"c{i}");
            Dispatch next = pool.Serve(pool.Request(Prompts.Of((content, 27)), turns: 1));
            Assert.Equal((home, PlacementRule.SessionHome), (next.Instance, next.Decision.Rule));
            Dispatch third = pool.Serve(pool.Request(Prompts.Of((content, 60)), turns: 2));
            Assert.Equal((home, PlacementRule.SessionHome), (third.Instance, third.Decision.Rule));
            Assert.Equal(1, pool.Pool.Describe().Sessions);
        }
    }

    [Fact]
    public void Two_conversations_under_one_hot_system_prompt_have_homes_of_their_own()
    {
        PoolDriver pool = Fleet(Options with { MaxSessions = 10_000 });
        var homes = new Dictionary<ulong, string>();
        for (ulong user = 0; user < 400; user++)
            homes[user] = pool.Serve(pool.Request(Prompts.Of((1, 20), (100 + user, 24)))).Instance;
        for (ulong user = 390; user < 400; user++)
        {
            Dispatch next = pool.Serve(pool.Request(Prompts.Of((1, 20), (100 + user, 31)), turns: 1));
            Assert.Equal((homes[user], PlacementRule.SessionHome), (next.Instance, next.Decision.Rule));
        }
    }

    [Theory]
    [InlineData(40)]   // the first turns end inside the stride that ends with the system prompt
    [InlineData(44)]
    public void Two_conversations_under_one_seldom_system_prompt_do_not_share_a_home(int system)
    {
        PoolDriver pool = Fleet();
        Dispatch one = FirstTurn(pool, system, user: 1), other = FirstTurn(pool, system, user: 2);
        Assert.DoesNotContain(other.Decision.Candidates, c => c.Role == CandidateRole.Home);
        // The second turn of either must not be led to where the other ran.
        foreach ((ulong user, string own) in new[] { (1UL, one.Instance), (2UL, other.Instance) })
        {
            Dispatch next = pool.Serve(pool.Request(Prompts.Of((1, system), (100 + user, 7)), turns: 1));
            Assert.All(next.Decision.Candidates.Where(c => c.Role == CandidateRole.Home), c => Assert.Equal(own, c.Instance));
        }
    }

    [Fact]
    public void A_conversation_under_a_shared_system_prompt_gets_its_home_once_it_outgrows_it()
    {
        PoolDriver pool = Fleet();
        FirstTurn(pool, 40, user: 1);
        FirstTurn(pool, 40, user: 2);
        string second = pool.Serve(pool.Request(Prompts.Of((1, 40), (101, 10)), turns: 1)).Instance;
        Dispatch third = pool.Serve(pool.Request(Prompts.Of((1, 40), (101, 20)), turns: 2));
        Assert.Equal((second, PlacementRule.SessionHome), (third.Instance, third.Decision.Rule));
    }

    [Fact]
    public void A_first_turn_tried_twice_is_still_one_conversation()
    {
        PoolDriver pool = Fleet();
        PlacementRequest first = pool.Request(Prompts.Of((1, 20)));
        pool.Place(first);
        string home = pool.Fail(first.Id, AttemptFailure.Unreachable).OfType<Dispatch>().Single().Instance;
        pool.End(first.Id);
        Dispatch next = pool.Serve(pool.Request(Prompts.Of((1, 28)), turns: 1));
        Assert.Equal((home, PlacementRule.SessionHome), (next.Instance, next.Decision.Rule));
    }

    [Fact]
    public void A_home_is_forgotten_by_age()
    {
        PoolDriver pool = Fleet();
        string home = pool.Serve(pool.Request(Prompts.Of((1, 20)), "chat-1")).Instance;
        PromptChain elsewhere = PromptAwayFrom(pool, home);
        pool.Advance(Options.SessionIdleTime + TimeSpan.FromTicks(1));
        Assert.NotEqual(home, pool.Serve(pool.Request(elsewhere, "chat-1")).Instance);
    }

    [Fact]
    public void A_turn_keeps_a_home_young()
    {
        PoolDriver pool = Fleet();
        string home = pool.Serve(pool.Request(Prompts.Of((1, 20)), "chat-1")).Instance;
        for (int turn = 1; turn < 5; turn++)
        {
            pool.Advance(Options.SessionIdleTime);
            Assert.Equal(home, pool.Serve(pool.Request(Prompts.Of((1, 20 + turn)), "chat-1")).Instance);
        }
    }

    [Fact]
    public void The_longest_unused_homes_are_forgotten_beyond_the_bound()
    {
        PoolDriver pool = Fleet();
        var homes = new List<string>();
        for (ulong chat = 0; chat < 4; chat++)
            homes.Add(pool.Serve(pool.Request(Prompts.Of((1 + chat, 20)), $"chat-{chat}")).Instance);
        Assert.Equal(3, pool.Pool.Describe().Sessions);
        Assert.DoesNotContain(pool.Place(pool.Request(PromptAwayFrom(pool, homes[0]), "chat-0")).Decision.Candidates, c => c.Role == CandidateRole.Home);
        Assert.Contains(pool.Place(pool.Request(Prompts.Of((4, 20)), "chat-3")).Decision.Candidates, c => c.Role == CandidateRole.Home);
    }

    [Fact]
    public void No_home_is_kept_where_none_may_be()
    {
        PoolDriver pool = Fleet(Options with { MaxSessions = 0 });
        pool.Serve(pool.Request(Prompts.Of((1, 20)), "chat-1"));
        Assert.Equal(0, pool.Pool.Describe().Sessions);
    }

    [Theory]
    [InlineData("suspect")]
    [InlineData("gone")]
    [InlineData("lost the model")]
    public void A_home_that_cannot_serve_is_not_followed(string fate)
    {
        PoolDriver pool = Fleet();
        string home = pool.Serve(pool.Request(Prompts.Of((1, 20)), "chat-1")).Instance;
        if (fate == "gone")
            pool.Give(new InstanceLeft(pool.Now, home));
        else if (fate == "suspect")
            for (int i = 0; i < 3; i++)
                pool.Give(new ProbeFailed(pool.Now, home, "timeout"));
        else
            pool.Probe(home, "another-model");
        Dispatch next = pool.Place(pool.Request(Prompts.Of((1, 30)), "chat-1"));
        Assert.NotEqual(home, next.Instance);
        Assert.DoesNotContain(next.Decision.Candidates, c => c.Instance == home);
    }

    [Fact]
    public void A_home_whose_queue_breaks_the_slo_is_not_followed_and_the_session_moves()
    {
        PoolDriver pool = Fleet();
        string home = pool.Serve(pool.Request(Prompts.Of((1, 20)), "chat-1")).Instance;
        pool.Place(pool.Request(Prompts.Of((1, 20), (2, 425)), "chat-1"));   // 4.92 s of prefill queued at home
        Dispatch moved = pool.Place(pool.Request(Prompts.Of((1, 20), (3, 10)), "chat-1"));
        Assert.NotEqual(home, moved.Instance);
        Assert.Equal(PlacementRule.Lighter, moved.Decision.Rule);
        pool.Progress(moved.RequestId);
        Dispatch after = pool.Place(pool.Request(Prompts.Of((1, 20), (3, 12)), "chat-1"));
        Assert.Equal((moved.Instance, PlacementRule.SessionHome), (after.Instance, after.Decision.Rule));
    }

    private static PoolDriver Fleet(PoolOptions? options = null) =>
        PoolDriver.WithReady(options ?? Options, [.. Enumerable.Range(0, 10).Select(i => $"e{i}")]);

    private static Dispatch FirstTurn(PoolDriver pool, int system, ulong user) =>
        pool.Serve(pool.Request(Prompts.Of((1, system), (100 + user, 3))));

    /// <summary>A prompt whose candidate pair does not include <paramref name="instance"/>; sized to add no session of its own.</summary>
    private static PromptChain PromptAwayFrom(PoolDriver pool, string instance)
    {
        var members = new ReadySet([.. pool.Pool.Describe().Instances.Select(i => new Instance(i.Id, pool.Options, new Peers(8_000)))]);
        for (ulong content = 1_000; ; content++)
        {
            PromptChain prompt = Prompts.Of((content, 4));
            CandidatePair pair = CandidatePair.Of(prompt.Hashes[3], members);
            if (pair.First.Id != instance && pair.Second!.Id != instance)
                return prompt;
        }
    }
}
