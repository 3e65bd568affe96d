namespace FleetRouter.Domain.Fleet;
internal static class Tuning
{
    private static double Of(string n, double d) => Environment.GetEnvironmentVariable("K_" + n) is { } v ? double.Parse(v, System.Globalization.CultureInfo.InvariantCulture) : d;
    public static readonly double Ahead = Of("AHEAD", 0.5), Burst = Of("BURST", 1), Duty = Of("DUTY", 0.85), Margin = Of("MARGIN", 1), Doubt = Of("DOUBT", 10), Own = Of("OWN", 0), Kv = Of("KV", 0), Pass = Of("PASS", 0.5), Need = Of("NEED", 1e9), Over = Of("OVER", 0), Down = Of("DOWN", 0.02), Share = Of("SHARE", 0.1), MaxDuty = Of("MAXDUTY", 1.2);
}
