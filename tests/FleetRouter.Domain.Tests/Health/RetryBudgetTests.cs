using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Health;

public sealed class RetryBudgetTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(0, 20)]
    [InlineData(100, 40)]
    [InlineData(1_000, 220)]
    public void Retries_are_a_share_of_the_requests_and_a_few_more(int requests, int retries)
    {
        var budget = new RetryBudget();
        for (int i = 0; i < requests; i++)
            budget.Arrived(Second);
        int taken = 0;
        while (budget.TryTake(0.2, 0, Second))
            taken++;
        Assert.Equal(retries, taken);
    }

    [Fact]
    public void What_is_in_flight_counts_as_traffic()
    {
        var budget = new RetryBudget();
        while (budget.TryTake(0.2, 100, Second))
        {
        }
        Assert.True(budget.TryTake(0.2, 200, Second));
    }

    [Fact]
    public void Retries_are_forgotten_with_time()
    {
        var budget = new RetryBudget();
        while (budget.TryTake(0.2, 0, Second))
        {
        }
        Assert.False(budget.TryTake(0.2, 0, 1.2 * Second));
        Assert.True(budget.TryTake(0.2, 0, 3 * Second));
    }

    [Theory]
    [InlineData(AttemptFailure.EngineBusy, RefusalKind.Busy)]
    [InlineData(AttemptFailure.Unreachable, RefusalKind.Broken)]
    public void A_sick_fleet_is_not_asked_for_thrice_its_load(AttemptFailure failure, RefusalKind kind)
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin" }, [.. Enumerable.Range(0, 40).Select(i => $"i{i:00}")]);
        const int requests = 400;
        for (int n = 0; n < requests; n++)
        {
            PlacementRequest request = pool.Request();
            pool.Advance(0.01);
            pool.Arrive(request);
            while (pool.Effects[^1] is Dispatch or ProbeNow or InstanceChanged or InstanceEjected
                && pool.Effects.OfType<Dispatch>().Last().RequestId == request.Id && pool.Effects.OfType<Refuse>().LastOrDefault()?.RequestId != request.Id)
                pool.Fail(request.Id, failure, "went wrong");
            pool.End(request.Id);
            if (failure == AttemptFailure.Unreachable)
                foreach (InstanceChanged suspect in pool.Effects.OfType<InstanceChanged>().Where(e => e.To == InstanceState.Suspect).ToList())
                    pool.Probe(suspect.Instance);
        }
        Refuse[] beyond = [.. pool.Effects.OfType<Refuse>().Where(r => r.Refusal.Reason == "retry-budget")];
        Assert.NotEmpty(beyond);
        Assert.All(beyond, r => Assert.Equal(kind, r.Refusal.Kind));
        Assert.All(beyond, r => Assert.Contains("20% of the requests (option retryBudget), the last: went wrong", r.Refusal.Message));
        Assert.InRange(pool.Effects.OfType<Dispatch>().Count(d => d.Decision.Attempt > 1), 20, (int)(0.3 * requests + 20));
    }

    [Fact]
    public void An_answer_that_broke_in_the_middle_goes_on_however_many_did()
    {
        PoolDriver pool = PoolDriver.WithReady(new PoolOptions { Name = "test", Policy = "round-robin" }, "a", "b");
        for (int n = 0; n < 200; n++)
        {
            Dispatch sent = pool.Place(pool.Request());
            pool.Progress(sent.RequestId, 5);
            Assert.Contains(pool.Give(new AttemptFailed(pool.Now, sent.RequestId, AttemptFailure.Broke, "reset", 5)), e => e is Dispatch d && d.RequestId == sent.RequestId);
            pool.Probe("a");
            pool.Probe("b");
        }
    }
}
