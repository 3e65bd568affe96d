namespace FleetRouter.Simulation.Claims;

/// <summary>A published gain beside the one found here. Gains are factors in favour of the claimed policy: 2 is twice the capacity, or half the time.</summary>
/// <param name="Claim">Who gains what over whom.</param>
/// <param name="As">How the source writes it.</param>
/// <param name="PublishedLeast">The published factor, the lower end of a range.</param>
/// <param name="PublishedMost">Its upper end; the same where one figure is published.</param>
/// <param name="Best">The largest factor found at any rate.</param>
/// <param name="BestRate">The rate it was found at, requests a second.</param>
/// <param name="Least">The smallest factor found at any rate.</param>
/// <param name="Why">Where the two differ: why, by figures told in the same report; null where they agree.</param>
public sealed record ClaimFigure(
    string Claim, string As, double PublishedLeast, double PublishedMost, double Best, double BestRate, double Least, string? Why = null)
{
    /// <summary>The best factor found over the nearer end of the published range; 1 within it.</summary>
    public double RatioToPublished => Best < PublishedLeast ? Best / PublishedLeast : Best > PublishedMost ? Best / PublishedMost : 1;

    /// <summary>A figure over all rates.</summary>
    /// <param name="claim">Who gains what over whom.</param>
    /// <param name="written">How the source writes it.</param>
    /// <param name="published">The published factor, or the ends of its range.</param>
    /// <param name="found">Rates and factors found.</param>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public static ClaimFigure Of(string claim, string written, (double Least, double Most) published, IEnumerable<(double Rate, double Factor)> found)
    {
        (double Rate, double Factor)[] all = [.. found];
        (double rate, double factor) = all.MaxBy(point => point.Factor);
        return new ClaimFigure(claim, written, published.Least, published.Most, factor, rate, all.Min(point => point.Factor));
    }

    /// <summary>The factor by which a time shrinks that falls by a share, as -39 % is 1.64.</summary>
    /// <param name="share">0 to 1.</param>
    public static double Fewer(double share) => 1 / (1 - share);
}

/// <summary>The runs of an experiment, by policy and rate.</summary>
/// <param name="runs">All of them.</param>
public sealed class ClaimRuns(IReadOnlyList<ClaimRun> runs)
{
    /// <summary>A policy's runs, the lowest rate first.</summary>
    public IEnumerable<ClaimRun> Of(string entrant) => runs.Where(run => run.Entrant == entrant);

    /// <summary>At each rate, how many times more of a good thing a policy has than the best of the others.</summary>
    public IEnumerable<(double Rate, double Factor)> More(Func<ClaimRun, double> good, string entrant, params string[] others) =>
        Of(entrant).Select(run => (run.Rate, good(run) / Math.Max(1e-9, others.Max(other => good(At(other, run.Rate))))));

    /// <summary>At each rate, by how many times a policy's time is shorter than the best of the others'.</summary>
    public IEnumerable<(double Rate, double Factor)> Less(Func<ClaimRun, double> time, string entrant, params string[] others) =>
        Of(entrant).Select(run => (run.Rate, others.Min(other => time(At(other, run.Rate))) / Math.Max(1e-9, time(run))));

    /// <summary>A policy's run at a rate.</summary>
    public ClaimRun At(string entrant, double rate) => runs.First(run => run.Entrant == entrant && run.Rate == rate);
}
