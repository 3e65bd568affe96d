using FleetRouter.Benchmarks.Overhead;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>What a gateway is to do for a while.</summary>
/// <param name="Seconds">How long.</param>
/// <param name="Rate">Requests a second, at random instants (Poisson), whatever becomes of those before; 0 for a closed loop.</param>
/// <param name="Callers">In a closed loop how many ask at once, each again as soon as it has its answer.</param>
/// <param name="Seed">Of the instants.</param>
internal sealed record Window(double Seconds, double Rate, int Callers, int Seed);

/// <summary>What one gateway found in one window.</summary>
/// <param name="PerSecond">Requests placed by the pool in a second.</param>
/// <param name="Decisions">Requests asked for.</param>
/// <param name="P50Us">Microseconds from the instant a request was due until it was placed. What the pool did not place counts as slower than
/// all else, so that a percentile among those is infinite.</param>
/// <param name="P99Us">The same, 99 of 100.</param>
/// <param name="P999Us">The same, 999 of 1,000.</param>
/// <param name="LateP99Us">Microseconds by which the generator itself was late, 99 of 100; part of the times above.</param>
/// <param name="Fallbacks">Requests that the gateway placed itself, since the pool did not answer within its budget.</param>
/// <param name="Refused">Requests that nobody placed.</param>
/// <param name="CpuUs">CPU microseconds of the process.</param>
/// <param name="AllocatedBytes">Bytes allocated by the process.</param>
internal sealed record WindowFigures(
    double PerSecond, int Decisions, double P50Us, double P99Us, double P999Us, double LateP99Us, int Fallbacks, int Refused, double CpuUs, long AllocatedBytes);

/// <summary>One gateway's figures in a cell, over the rounds.</summary>
internal sealed record GatewayFigures(
    string Cell, string Gateway, string Loop, int Decisions, Spread PerSecond, Spread P50Us, Spread P99Us, Spread P999Us, Spread LateP99Us, int Fallbacks, int Refused)
{
    public static GatewayFigures Of(string cell, string gateway, string loop, IReadOnlyList<WindowFigures> rounds)
    {
        return new GatewayFigures(cell, gateway, loop, rounds.Sum(w => w.Decisions), Over(w => w.PerSecond), Over(w => w.P50Us), Over(w => w.P99Us), Over(w => w.P999Us),
            Over(w => w.LateP99Us), rounds.Sum(w => w.Fallbacks), rounds.Sum(w => w.Refused));

        Spread Over(Func<WindowFigures, double> figure) => Spread.Of(rounds.Select(w => (double?)figure(w)))!;
    }
}

/// <summary>What a decision cost in a cell, in all processes together.</summary>
internal sealed record CellCost(string Cell, string Loop, Spread CpuUsPerDecision, Spread BytesPerDecision, Spread ForeignCpuShare);
