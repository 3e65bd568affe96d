using System.Collections.Concurrent;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Comparison;

/// <summary>
/// The rates a comparison looks at: steps of 1.5 % in the pace of session starts, so that policies are run at the very same
/// points and no point twice. Safe for several threads.
/// </summary>
/// <param name="workload">The workload whose pace is scaled.</param>
public sealed class RateScale(PreparedWorkload workload)
{
    /// <summary>A step up multiplies the pace by 1 + 1.5 %.</summary>
    public const double StepSize = 0.015;

    /// <summary>Furthest step: paces from a millionth to a million times a request a second.</summary>
    private const int Furthest = 928;

    private readonly ConcurrentDictionary<int, double> _rates = new();
    private readonly double _nominal = Cell.RateAt(workload, 1);

    /// <summary>The pace at a step. Where sessions have one turn, step 0 is one request a second.</summary>
    public double PaceAt(int step) => Math.Pow(1 + StepSize, step) / Math.Max(1e-9, _nominal);

    /// <summary>Requests a second at a step, whatever the policy.</summary>
    public double RateAt(int step) => _rates.GetOrAdd(step, s => Cell.RateAt(workload, PaceAt(s)));

    /// <summary>The step at which requests come nearest to this rate; the lowest that comes near the highest rate there is, if none does.</summary>
    /// <param name="rate">Requests a second.</param>
    public int StepFor(double rate)
    {
        // Sessions that all start at once come no faster if they start still more at once.
        rate = Math.Min(rate, 0.98 * RateAt(Furthest));
        int low = -Furthest, high = Furthest;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = RateAt(middle) >= rate ? (low, middle) : (middle, high);
        }
        // Among neighbours the nearer one.
        return Math.Abs(RateAt(low) - rate) < Math.Abs(RateAt(high) - rate) ? low : high;
    }
}
