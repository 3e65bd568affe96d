using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Claims;

/// <summary>A policy in an experiment.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Policy">The policy's name, with what parameters it carries.</param>
/// <param name="Rebalances">Whether queued requests are moved.</param>
public sealed record Entrant(string Name, string Policy, bool Rebalances = false);

/// <summary>A setting of published claims: what is asked of which fleet, which policies at which rates, and what is read off their runs.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Setting">The setting in words, its departures from the published one among them.</param>
/// <param name="Cell">Workload, fleet and promise.</param>
/// <param name="Entrants">The policies.</param>
/// <param name="Rates">Requests a second to offer.</param>
/// <param name="Facts">Figures of the workload that explanations rest on.</param>
/// <param name="Read">Reads the claims' figures off the runs.</param>
public sealed record Experiment(
    string Name, string Setting, Cell Cell, IReadOnlyList<Entrant> Entrants, IReadOnlyList<double> Rates,
    IReadOnlyList<string> Facts, Func<ClaimRuns, IReadOnlyList<ClaimFigure>> Read)
{
    /// <summary>Runs every policy at every rate, several at once.</summary>
    /// <param name="ran">Told of each run.</param>
    /// <param name="stop">Ends it early.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public ExperimentReport Run(Action<string>? ran, CancellationToken stop)
    {
        var scale = new RateScale(Cell.Workload);
        int[] steps = [.. Rates.Select(scale.StepFor).Distinct()];
        var runs = new ClaimRun[Entrants.Count * steps.Length];
        Parallel.For(0, runs.Length, new ParallelOptions { CancellationToken = stop, MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
        {
            // The highest rates last longest, hence come first.
            (Entrant entrant, int step) = (Entrants[i % Entrants.Count], steps[^(1 + i / Entrants.Count)]);
            FleetRun run = FleetSimulation.Run(Cell.Workload, Cell.Setup(Pool(entrant)), scale.PaceAt(step));
            runs[(steps.Length - 1 - i / Entrants.Count) * Entrants.Count + i % Entrants.Count] = ClaimRun.Of(entrant.Name, scale.RateAt(step), Cell.Slo, run);
            ran?.Invoke(entrant.Name);
        });
        return new ExperimentReport(Name, Setting, Facts, Read(new ClaimRuns(runs)), runs);
    }

    // Published evaluations queue without bound: no number of requests saturates an instance, and what is held waits on.
    private static PoolOptions Pool(Entrant entrant) => new()
    {
        Name = "sim", Policy = entrant.Policy, RebalanceQueued = entrant.Rebalances,
        MaxRequestsPerInstance = 100_000, MaxHeld = 1_000_000, MaxHoldTime = TimeSpan.FromHours(1),
    };
}

/// <summary>What an experiment found.</summary>
/// <param name="Name">The experiment.</param>
/// <param name="Setting">The setting in words.</param>
/// <param name="Facts">Figures of the workload.</param>
/// <param name="Figures">The claims, published beside reproduced.</param>
/// <param name="Runs">Every run, by rate and policy.</param>
public sealed record ExperimentReport(
    string Name, string Setting, IReadOnlyList<string> Facts, IReadOnlyList<ClaimFigure> Figures, IReadOnlyList<ClaimRun> Runs);
