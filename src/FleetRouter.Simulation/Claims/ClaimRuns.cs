namespace FleetRouter.Simulation.Claims;

/// <summary>The runs of an experiment, by policy and rate.</summary>
/// <param name="runs">All of them, the lowest rate first.</param>
public sealed class ClaimRuns(IReadOnlyList<ClaimRun> runs)
{
    /// <summary>A policy's runs, the lowest rate first.</summary>
    public IEnumerable<ClaimRun> Of(string entrant) => runs.Where(run => run.Entrant == entrant);

    /// <summary>A policy's run at a rate.</summary>
    public ClaimRun At(string entrant, double rate) => runs.First(run => run.Entrant == entrant && run.Rate == rate);

    /// <summary>At each rate, how many times more of a good thing a policy has than the best of the others.</summary>
    public IEnumerable<(double Rate, double Factor)> More(Func<ClaimRun, double> good, string entrant, params string[] others) =>
        Of(entrant).Select(run => (run.Rate, good(run) / Math.Max(1e-9, others.Max(other => good(At(other, run.Rate))))));

    /// <summary>At each rate, by how many times a policy's time is shorter than the best of the others'.</summary>
    public IEnumerable<(double Rate, double Factor)> Less(Func<ClaimRun, double> time, string entrant, params string[] others) =>
        Of(entrant).Select(run => (run.Rate, Math.Max(1e-9, others.Min(other => time(At(other, run.Rate)))) / Math.Max(1e-9, time(run))));

    /// <summary>The same against the worst of the others.</summary>
    public IEnumerable<(double Rate, double Factor)> LessThanWorst(Func<ClaimRun, double> time, string entrant, params string[] others) =>
        Of(entrant).Select(run => (run.Rate, Math.Max(1e-9, others.Max(other => time(At(other, run.Rate)))) / Math.Max(1e-9, time(run))));
}
