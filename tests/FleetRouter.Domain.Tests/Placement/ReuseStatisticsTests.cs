using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Placement;

public sealed class ReuseStatisticsTests
{
    [Theory]
    [InlineData(0.9)]
    [InlineData(0.5)]
    [InlineData(0.1)]
    public void Later_turns_follow_the_share_of_a_prompt_that_was_cached(double share)
    {
        ReuseStatistics reuse = After(2_000, (int)(1_000 * share), 10, 0.2);
        Assert.Equal(share / (1 - share), reuse.LaterTurns, 0.01);
        Assert.Equal(0.2, reuse.MeanOwnSeconds, 1e-6);
    }

    [Fact]
    public void Later_turns_have_a_bound_and_are_none_where_nothing_comes_back()
    {
        Assert.Equal(10, After(2_000, 1_000, 10, 0.1).LaterTurns);
        Assert.Equal(0, After(2_000, 0, 10, 0.1).LaterTurns, 1e-6);
    }

    [Fact]
    public void What_nobody_asks_for_is_wanted_less_the_longer_that_lasts()
    {
        ReuseStatistics reuse = After(2_000, 900, 30, 0.1);
        Assert.Equal(1, reuse.StillWanted(TimeSpan.Zero));
        Assert.Equal(Math.Exp(-1), reuse.StillWanted(TimeSpan.FromSeconds(60)), 1e-6);
        Assert.True(reuse.StillWanted(TimeSpan.FromSeconds(600)) < 0.001);
    }

    [Fact]
    public void A_short_shared_beginning_tells_nothing_of_the_time_between_two_uses() =>
        Assert.Equal(After(0, 0, 0, 0).StillWanted(TimeSpan.FromSeconds(100)), After(2_000, 400, 1, 0.1).StillWanted(TimeSpan.FromSeconds(100)));

    /// <summary>What is learned of so many prompts of 1,000 tokens with as much cached, last used so many seconds before.</summary>
    private static ReuseStatistics After(int prompts, int cachedTokens, double age, double ownSeconds)
    {
        var reuse = new ReuseStatistics();
        var request = new PlacementRequest { Id = "r", Model = "m", Api = ApiKind.Chat, Prompt = PromptChain.Empty };
        var work = new InFlight(request, TimeSpan.Zero) { PromptTokens = 1_000 };
        TimeSpan now = TimeSpan.FromSeconds(1_000);
        for (int i = 0; i < prompts; i++)
            reuse.Saw(new PlacementQuery(work, ReadySet.Empty, null, now, new PoolOptions { Name = "p" }, new TokenEstimates()),
                cachedTokens, now - TimeSpan.FromSeconds(age), ownSeconds);
        return reuse;
    }
}
