using FleetRouter.LoadGen.Measures;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class MeasuresTests
{
    [Fact]
    public void Percentiles_are_by_nearest_rank()
    {
        double[] hundred = [.. Enumerable.Range(1, 100).Select(i => (double)i)];
        Assert.Equal(new LatencySummary(100, 50.5, 50, 90, 99, 100), LatencySummary.Of(hundred));
        Assert.Equal(new LatencySummary(2, 2, 1, 3, 3, 3), LatencySummary.Of([1, 3]));
        Assert.Null(LatencySummary.Of([]));
    }

    [Fact]
    public void The_histogram_is_within_its_stated_error_over_six_decades()
    {
        const ulong seed = 3;
        var random = new SplitMix64(seed);
        var histogram = new GapHistogram();
        // Log-uniform from 1 µs to 100 s, in whole microseconds as the histogram counts.
        double[] milliseconds = [.. Enumerable.Range(0, 20_000).Select(_ => Math.Floor(Math.Pow(10, random.NextDouble() * 8)) / 1000).Order()];
        foreach (var value in milliseconds) histogram.Add(TimeSpan.FromMicroseconds(Math.Round(value * 1000)));
        foreach (var share in new[] { 0.01, 0.1, 0.5, 0.9, 0.99, 0.999 })
        {
            var exact = LatencySummary.NearestRank(milliseconds, share);
            Assert.InRange(histogram.Percentile(share), exact * 0.996, exact * 1.004);
        }
        var summary = histogram.Summary()!;
        Assert.Equal(milliseconds[^1], summary.Max, 6);
        Assert.Equal(milliseconds.Average(), summary.Mean, 6);
    }
}
