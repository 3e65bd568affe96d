using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Safety;

namespace FleetRouter.Simulation.Tests.Safety;

public class SafetyRunTests(ITestOutputHelper output)
{
    private const int Seeds = 60;

    [Fact]
    public void The_pool_keeps_its_promises_whatever_befalls_the_fleet()
    {
        ulong first = 1_000_000;
        output.WriteLine($"seeds {first} to {first + Seeds - 1}");
        SafetyRun[] runs = [.. Enumerable.Range(0, Seeds).AsParallel().AsOrdered().Select(i => SafetyRun.Of(first + (ulong)i))];
        Assert.Empty(runs.Where(run => run.Violation is not null).Select(run => run.Violation));
        // A proof about runs in which nothing happens is none.
        foreach (OutcomeKind kind in Enum.GetValues<OutcomeKind>().Where(kind => kind != OutcomeKind.Open))
            Assert.True(runs.Sum(run => run.Ends.GetValueOrDefault(kind)) > 0, $"no request ended as {kind}");
        Assert.True(runs.Sum(run => run.Moves) > 0, "no request was moved");
        Assert.True(runs.Sum(run => run.Hedges) > 0, "no request was asked twice");
        Assert.True(runs.Select(run => run.Policy).Distinct().Count() >= Math.Min(PlacementPolicies.Names.Count, 10), "few policies were drawn");
    }

    [Fact]
    public void A_seed_gives_the_same_run_again()
    {
        (SafetyRun first, SafetyRun second) = (SafetyRun.Of(7), SafetyRun.Of(7));
        Assert.Equal((first.Events, first.Policy), (second.Events, second.Policy));
        Assert.Equal(first.Ends, second.Ends);
    }
}
