using System.Diagnostics.Metrics;

namespace FleetRouter.Gateway.Telemetry;

/// <summary>What a family does with its measurements.</summary>
internal enum MetricKind
{
    /// <summary>Adds them up; never falls.</summary>
    Counter,

    /// <summary>Adds them up; may fall.</summary>
    UpDown,

    /// <summary>Keeps the last.</summary>
    Gauge,

    /// <summary>Counts them by size.</summary>
    Histogram,

    /// <summary>A counter that is asked for its sum.</summary>
    ObservedCounter,

    /// <summary>A gauge that is asked.</summary>
    ObservedGauge,
}

/// <summary>Tells an instrument's kind.</summary>
internal static class MetricKinds
{
    /// <summary>The kind, or null for an instrument this writer does not know.</summary>
    public static MetricKind? Of(Instrument instrument)
    {
        var type = instrument.GetType();
        var definition = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        return definition == typeof(Counter<>) ? MetricKind.Counter
            : definition == typeof(UpDownCounter<>) ? MetricKind.UpDown
            : definition == typeof(Gauge<>) ? MetricKind.Gauge
            : definition == typeof(Histogram<>) ? MetricKind.Histogram
            : definition == typeof(ObservableCounter<>) ? MetricKind.ObservedCounter
            : definition == typeof(ObservableGauge<>) || definition == typeof(ObservableUpDownCounter<>) ? MetricKind.ObservedGauge
            : null;
    }

    public static bool IsObserved(this MetricKind kind) => kind is MetricKind.ObservedCounter or MetricKind.ObservedGauge;

    /// <summary>The word after <c># TYPE</c>.</summary>
    public static string TypeWord(this MetricKind kind) => kind switch
    {
        MetricKind.Counter or MetricKind.ObservedCounter => "counter",
        MetricKind.Histogram => "histogram",
        _ => "gauge",
    };

    /// <summary>Upper bounds of a histogram's buckets, ascending: the instrument's advice, else OpenTelemetry's for seconds.</summary>
    public static double[] Bounds(Instrument instrument)
    {
        IEnumerable<double>? advised = instrument switch
        {
            Histogram<double> histogram => histogram.Advice?.HistogramBucketBoundaries,
            Histogram<long> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<int> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<float> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            Histogram<decimal> histogram => histogram.Advice?.HistogramBucketBoundaries?.Select(bound => (double)bound),
            _ => null,
        };
        return [.. (advised ?? [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]).Where(double.IsFinite).Distinct().Order()];
    }
}
