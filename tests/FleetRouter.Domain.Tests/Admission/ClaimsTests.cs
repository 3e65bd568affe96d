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
            claims.Add(work, 1, 1);
        foreach (InFlight expected in new[] { first, second, late })
        {
            Assert.Same(expected, claims.First);
            claims.Remove(expected);
        }
        Assert.Equal((0, null), (claims.Count, claims.First));
    }

    [Fact]
    public void What_goes_before_a_request_is_what_must_begin_before_it_and_came_before_it_and_never_itself()
    {
        var claims = new Claims();
        InFlight[] all = [.. Enumerable.Range(1, 9).Select(i => Work(i, i))];
        foreach (InFlight work in all.Reverse())
            claims.Add(work, 0.5 * work.Order, 10 * work.Order);
        Assert.Equal((22.5, 450L), claims.Before(Work(0, 100), TimeSpan.FromSeconds(10)));
        Assert.Equal((3d, 60L), claims.Before(Work(0, 100), TimeSpan.FromSeconds(3)));
        Assert.Equal((0d, 0L), claims.Before(Work(0, 0), TimeSpan.FromSeconds(1)));
        // Were its own prefill to take less by now, it could begin later: behind others, but not behind itself.
        Assert.Equal((2d, 40L), claims.Before(all[1], TimeSpan.FromSeconds(4)));
    }

    private static InFlight Work(int latestStart, long order) =>
        new(new PlacementRequest { Id = $"r{order}", Model = "m", Api = ApiKind.Chat, Prompt = PromptChain.Empty }, TimeSpan.Zero)
        {
            LatestStart = TimeSpan.FromSeconds(latestStart), Order = order,
        };
}
