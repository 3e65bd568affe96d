using System.Globalization;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>A page of Prometheus metrics, as far as sums and quantiles need it.</summary>
internal sealed class MetricsReading
{
    private readonly List<(string Name, string Labels, double Value)> _samples = [];

    public static MetricsReading Of(string page)
    {
        var reading = new MetricsReading();
        foreach (var line in page.Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var end = line.LastIndexOf('}');
            var name = line[..line.AsSpan().IndexOfAny('{', ' ')];
            var labels = end > 0 ? line[(name.Length + 1)..end] : "";
            var value = line[(end > 0 ? end + 1 : name.Length)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (value.Length > 0 && double.TryParse(value[0].Replace("+Inf", "Infinity", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
                reading._samples.Add((name, labels, number));
        }
        return reading;
    }

    /// <summary>A gateway's metrics; null where it does not answer.</summary>
    public static async Task<MetricsReading?> TryGet(HttpClient http, Uri gateway, CancellationToken stop)
    {
        try { return Of(await http.GetStringAsync(new Uri(gateway, "/metrics"), stop)); }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException or OperationCanceledException) { return null; }
    }

    /// <summary>The sum of all samples of that name, 0 without any.</summary>
    public double Sum(string name) => _samples.Where(sample => sample.Name == name).Sum(sample => sample.Value);

    /// <summary>The samples of that name, summed by a label's value.</summary>
    public IReadOnlyDictionary<string, double> SumBy(string name, string label) => _samples.Where(sample => sample.Name == name)
        .GroupBy(sample => Label(sample.Labels, label) ?? "").ToDictionary(group => group.Key, group => group.Sum(sample => sample.Value));

    /// <summary>How many samples of a histogram are at most a bound, which is one of its buckets'.</summary>
    public double AtMost(string histogram, double bound) => _samples
        .Where(sample => sample.Name == histogram + "_bucket" && Label(sample.Labels, "le") is { } le && double.TryParse(le, NumberStyles.Float, CultureInfo.InvariantCulture, out var at) && at == bound)
        .Sum(sample => sample.Value);

    /// <summary>A quantile of a histogram, straight within a bucket; null where it has no samples. What lies in the last bucket
    /// counts as that bucket's lower bound.</summary>
    /// <param name="histogram">Its name, without _bucket.</param>
    /// <param name="share">Which quantile, 0 to 1.</param>
    /// <param name="label">A label whose values choose what counts.</param>
    /// <param name="counts">Which values count; a sample without the label has an empty one.</param>
    public double? Quantile(string histogram, double share, string label, Func<string, bool> counts)
    {
        (double Bound, double Count)[] buckets =
        [
            .. _samples.Where(sample => sample.Name == histogram + "_bucket" && counts(Label(sample.Labels, label) ?? ""))
                .GroupBy(sample => Label(sample.Labels, "le"))
                .Select(bucket => (Bound: bucket.Key is null or "+Inf" ? double.PositiveInfinity : double.Parse(bucket.Key, CultureInfo.InvariantCulture), bucket.Sum(sample => sample.Value)))
                .OrderBy(bucket => bucket.Bound),
        ];
        if (buckets.Length == 0 || buckets[^1].Count == 0) return null;
        var rank = share * buckets[^1].Count;
        double lower = 0, below = 0;
        foreach (var (bound, count) in buckets)
        {
            if (count >= rank && count > below)
                return double.IsInfinity(bound) ? lower : lower + (bound - lower) * (rank - below) / (count - below);
            (lower, below) = (double.IsInfinity(bound) ? lower : bound, count);
        }
        return lower;
    }

    private static string? Label(string labels, string name)
    {
        var at = labels.IndexOf(name + "=\"", StringComparison.Ordinal);
        if (at < 0) return null;
        var start = at + name.Length + 2;
        return labels[start..labels.IndexOf('"', start)];
    }
}
