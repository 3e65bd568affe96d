namespace FleetRouter.LoadGen.Sim;

/// <summary>One slice under one policy, predicted beside measured.</summary>
/// <param name="Slice">The slice.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Predicted">In virtual time.</param>
/// <param name="Measured">Over HTTP.</param>
/// <param name="Runs">Times it was measured until the machine kept up.</param>
internal sealed record WireComparison(string Slice, string Policy, WireFigures Predicted, WireFigures Measured, int Runs)
{
    /// <summary>Deviation of times to first token allowed.</summary>
    public const double TtftTolerance = 0.10;

    /// <summary>Difference of hit shares allowed.</summary>
    public const double HitTolerance = 0.02;

    /// <summary>A sender later than this at the 99th percentile tells of a machine too busy to measure on.</summary>
    public const double LateMs = 20;

    /// <summary>Policies nearer to each other than this in the simulator have no ranking that a measurement could confirm.</summary>
    public const double Distinct = 0.10;

    /// <summary>Deviation of the predicted median from the measured one.</summary>
    public double TtftP50Deviation => Predicted.TtftP50Ms / Math.Max(1e-9, Measured.TtftP50Ms) - 1;

    /// <summary>Deviation of the predicted 90th percentile from the measured one.</summary>
    public double TtftP90Deviation => Predicted.TtftP90Ms / Math.Max(1e-9, Measured.TtftP90Ms) - 1;

    /// <summary>Whether the machine kept up.</summary>
    public bool IsSound => Measured.LatenessP99Ms <= LateMs;

    /// <summary>Whether predicted and measured agree, and every request was answered in both.</summary>
    public bool Holds => Math.Abs(TtftP50Deviation) <= TtftTolerance && Math.Abs(TtftP90Deviation) <= TtftTolerance
        && Math.Abs(Predicted.HitTokenShare - Measured.HitTokenShare) <= HitTolerance && Predicted.Failed == 0 && Measured.Failed == 0;

    /// <summary>Measures until the machine kept up, <paramref name="most"/> times at most; of several runs the least late counts.</summary>
    public static async Task<WireComparison> Measure(WireSlice slice, string policy, int most, bool noProgress, CancellationToken stop)
    {
        WireComparison? best = null;
        for (int run = 1; run <= most; run++)
        {
            (WireFigures measured, WireFigures predicted) = await slice.Run(policy, noProgress, stop);
            if (best is null || measured.LatenessP99Ms < best.Measured.LatenessP99Ms)
                best = new WireComparison(slice.Name, policy, predicted, measured, run);
            best = best with { Runs = run };
            if (best.IsSound) break;
        }
        return best!;
    }

    /// <summary>Pairs of policies of one slice that the simulator ranks by the 90th percentile of TTFT, and the measurement the other way.</summary>
    public static IEnumerable<string> Misranked(IReadOnlyList<WireComparison> all) =>
        from slice in all.GroupBy(one => one.Slice)
        from better in slice
        from worse in slice
        where better.Predicted.TtftP90Ms * (1 + Distinct) < worse.Predicted.TtftP90Ms && better.Measured.TtftP90Ms >= worse.Measured.TtftP90Ms
        select $"{slice.Key}: {better.Policy} before {worse.Policy} in the simulator, not over HTTP";

    /// <summary>One line for the terminal.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"{Slice,-14} {Policy,-14} {Predicted.TtftP50Ms,7:0} {Measured.TtftP50Ms,7:0} {100 * TtftP50Deviation,6:+0.0;-0.0;0.0} %  {Predicted.TtftP90Ms,7:0} {Measured.TtftP90Ms,7:0} {100 * TtftP90Deviation,6:+0.0;-0.0;0.0} %  {100 * Predicted.HitTokenShare,5:0.0} {100 * Measured.HitTokenShare,5:0.0}  {100 * Predicted.GoodShare,5:0.0} {100 * Measured.GoodShare,5:0.0}  {Measured.LatenessP99Ms,5:0}  {(Holds ? "" : "out")}{(Measured.Failed > 0 ? $" {Measured.Failed} failed" : "")}{(IsSound ? "" : $" machine too busy in {Runs} runs")}");

    /// <summary>What <see cref="ToString"/>'s columns are.</summary>
    public const string Heading = "slice          policy         TTFT p50 ms: sim, HTTP       p90: sim, HTTP             hit %: both   good %: both  late ms p99";
}
