namespace FleetRouter.EngineSim.Metrics;

/// <summary>A Prometheus histogram: counts by upper bound, cumulative only when written.</summary>
internal sealed class Histogram(params double[] bounds)
{
    private readonly long[] _counts = new long[bounds.Length + 1];

    public IReadOnlyList<double> Bounds => bounds;

    public double Sum { get; private set; }

    public void Observe(double value)
    {
        int bucket = Array.BinarySearch(bounds, value);
        _counts[bucket >= 0 ? bucket : ~bucket]++;
        Sum += value;
    }

    public IReadOnlyList<long> Counts => _counts;

    /// <summary>1, 2, 5, 10, 20, 50, ... up to a largest value, vLLM's buckets for lengths.</summary>
    public static Histogram OfLengths(int largest)
    {
        var bounds = new List<double>();
        for (double decade = 1; decade <= largest; decade *= 10)
            bounds.AddRange(new[] { decade, 2 * decade, 5 * decade }.Where(bound => bound <= largest));
        return new Histogram([.. bounds]);
    }

    public static Histogram OfFirstTokens() => new(
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560);

    public static Histogram OfTokenGaps() => new(
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80);

    public static Histogram OfRequests() => new(
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680);
}
