namespace FleetRouter.Benchmarks.Overhead;

/// <summary>A figure over the rounds.</summary>
internal sealed record Spread(double Median, double Min, double Max)
{
    /// <summary>Null unless every round has the figure.</summary>
    public static Spread? Of(IEnumerable<double?> rounds)
    {
        double?[] all = [.. rounds];
        if (all.Length == 0 || all.Any(v => v is null))
            return null;
        double[] sorted = [.. all.Select(v => v!.Value).Order()];
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }
}
