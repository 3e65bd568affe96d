using System.Diagnostics.Metrics;

namespace FleetRouter.Gateway.Telemetry;

/// <summary>Prometheus names of instruments and labels: <c>fleetrouter.request.duration</c> in <c>s</c> becomes
/// <c>fleetrouter_request_duration_seconds</c>, a counter ends in <c>_total</c>.</summary>
internal static class MetricName
{
    public static string Of(Instrument instrument, MetricKind kind)
    {
        string name = Legal(instrument.Name, colons: true);
        bool counts = kind is MetricKind.Counter or MetricKind.ObservedCounter;
        if (counts && name.EndsWith("_total", StringComparison.Ordinal)) name = name[..^6];
        string unit = Unit(instrument.Unit, kind);
        if (unit.Length > 0 && !name.EndsWith("_" + unit, StringComparison.Ordinal)) name += "_" + unit;
        return counts ? name + "_total" : name;
    }

    /// <summary>A legal label name. Names that the format keeps for itself get a trailing underscore.</summary>
    public static string OfLabel(string name)
    {
        string legal = Legal(name, colons: false);
        return legal is "le" or "quantile" ? legal + "_" : legal.StartsWith("__", StringComparison.Ordinal) ? "label" + legal : legal;
    }

    // Units of UCUM as OpenTelemetry uses them. A count of things ({request}) says so in its name already; tokens are
    // the router's own unit and worth saying.
    private static string Unit(string? unit, MetricKind kind) => unit switch
    {
        "s" => "seconds",
        "ms" => "milliseconds",
        "By" => "bytes",
        "J" => "joules",
        "W" => "watts",
        "{token}" or "{tokens}" or "tokens" => "tokens",
        "1" when kind is MetricKind.Gauge or MetricKind.ObservedGauge => "ratio",
        _ => "",
    };

    private static string Legal(string name, bool colons)
    {
        string legal = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c == '_' || (colons && c == ':') ? c : '_'));
        return legal.Length == 0 || char.IsAsciiDigit(legal[0]) ? "_" + legal : legal;
    }
}
