namespace FleetRouter.Domain.Fleet;
internal static class Tuning
{
    private static double Of(string n, double d) => Environment.GetEnvironmentVariable("K_" + n) is { } v ? double.Parse(v, System.Globalization.CultureInfo.InvariantCulture) : d;
    public static readonly double Ahead = Of("AHEAD", 0.5), Burst = Of("BURST", 1), Duty = Of("DUTY", 0.85), Margin = Of("MARGIN", 0.9);
}
