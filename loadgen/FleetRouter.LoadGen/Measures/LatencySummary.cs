namespace FleetRouter.LoadGen.Measures;

/// <summary>A latency's distribution, milliseconds.</summary>
internal sealed record LatencySummary(long Count, double Mean, double P50, double P90, double P99, double Max)
{
    /// <summary>Of all samples; percentiles by nearest rank. Null where there are none.</summary>
    public static LatencySummary? Of(double[] sortedMilliseconds) => sortedMilliseconds.Length == 0 ? null : new LatencySummary(
        sortedMilliseconds.Length, sortedMilliseconds.Average(), NearestRank(sortedMilliseconds, 0.50),
        NearestRank(sortedMilliseconds, 0.90), NearestRank(sortedMilliseconds, 0.99), sortedMilliseconds[^1]);

    /// <summary>The smallest sample that a share of all samples does not exceed.</summary>
    public static double NearestRank(double[] sorted, double share) =>
        sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
}
