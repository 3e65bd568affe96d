using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Comparison;

/// <summary>Three percentiles.</summary>
/// <param name="P50">Median.</param>
/// <param name="P90">90th.</param>
/// <param name="P99">99th.</param>
public readonly record struct Percentiles(double P50, double P90, double P99)
{
    /// <summary>Of some values; zero of none.</summary>
    public static Percentiles Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        double At(double share) => sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
        return new Percentiles(At(0.5), At(0.9), At(0.99));
    }
}

/// <summary>What one run was worth.</summary>
/// <param name="GoodShare">Share of the offered requests of the SLO class that met it, 0 to 1; refused and broken ones did not.</param>
/// <param name="GoodShareLongestTenth">The same among the tenth of them with the longest prompts.</param>
/// <param name="Goodput">Requests a second that met it.</param>
/// <param name="TtftMilliseconds">Time to first token of all that got one.</param>
/// <param name="InterTokenMilliseconds">Mean time between tokens, of all that finished.</param>
/// <param name="HitTokenShare">Prompt tokens found in an engine's cache, of all prompt tokens answered.</param>
/// <param name="LoadVariation">Coefficient of variation of pending prefill tokens between instances.</param>
/// <param name="RefusedShare">Share of the offered requests that were refused.</param>
/// <param name="Unfinished">Requests neither answered whole nor refused, and those never offered because of them.</param>
public sealed record RunScore(
    double GoodShare, double GoodShareLongestTenth, double Goodput, Percentiles TtftMilliseconds, Percentiles InterTokenMilliseconds,
    double HitTokenShare, double LoadVariation, double RefusedShare, int Unfinished);
