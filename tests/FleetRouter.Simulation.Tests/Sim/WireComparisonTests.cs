using FleetRouter.LoadGen.Sim;

namespace FleetRouter.Simulation.Tests.Sim;

public class WireComparisonTests
{
    [Theory]
    [InlineData(100, 200, 0.50, 0, true)]
    [InlineData(111, 200, 0.50, 0, false)]
    [InlineData(100, 170, 0.50, 0, false)]
    [InlineData(100, 200, 0.53, 0, false)]
    [InlineData(100, 200, 0.50, 1, false)]
    public void Each_tolerance_counts(double p50, double p90, double hits, int failed, bool holds) =>
        Assert.Equal(holds, new WireComparison("slice", "policy", Of(p50, p90, hits), Of(100, 200, 0.5) with { Failed = failed }, 1).Holds);

    [Fact]
    public void Policies_that_the_simulator_tells_apart_are_ranked_alike()
    {
        WireComparison[] all =
        [
            new("a", "fast", Of(1, 100), Of(1, 100), 1), new("a", "near", Of(1, 105), Of(1, 90), 1), new("a", "slow", Of(1, 200), Of(1, 95), 1),
            new("b", "slow", Of(1, 50), Of(1, 50), 1),
        ];
        Assert.Equal(["a: fast before slow in the simulator, not over HTTP"], WireComparison.Misranked(all));
    }

    private static WireFigures Of(double p50, double p90, double hits = 0.5) => new(10, 0, p50, p90, hits, 1, 0);
}
