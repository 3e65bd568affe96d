using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Admission;

public sealed class ClaimsTests
{
    [Fact]
    public void Who_must_begin_first_is_first_and_of_equals_who_came_first()
    {
        var claims = new Claims();
        InFlight late = Work(9, 1), second = Work(5, 3), first = Work(5, 2);
        foreach (InFlight work in new[] { late, second, first })
            claims.Add(work);
        Assert.Equal([first, second, late], Enumerable.Range(0, 3).Select(claims.At));
        Assert.Same(first, claims.First);
        Assert.Throws<ArgumentOutOfRangeException>(() => claims.At(3));
    }

    [Fact]
    public void What_they_take_is_summed_and_given_back_exactly()
    {
        var claims = new Claims();
        InFlight[] all = [.. Enumerable.Range(1, 30).Select(i => Work(i, i, i * 0.1, i))];
        Array.ForEach(all, claims.Add);
        Assert.Equal((30, 465L), (claims.Count, claims.Tokens));
        Assert.Equal(46.5, claims.Seconds, 1e-9);
        Array.ForEach(all, claims.Remove);
        Assert.Equal((0, 0d, 0L), (claims.Count, claims.Seconds, claims.Tokens));
        Assert.Null(claims.First);
    }

    private static InFlight Work(int latestStart, long order, double seconds = 1, long tokens = 1) =>
        new(new PlacementRequest { Id = $"r{order}", Model = "m", Api = ApiKind.Chat, Prompt = PromptChain.Empty }, TimeSpan.Zero)
        {
            LatestStart = TimeSpan.FromSeconds(latestStart), Order = order, ClaimSeconds = seconds, ClaimTokens = tokens,
        };
}
