using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Claims;

/// <summary>What experiments share: rates to try, and their workload in words.</summary>
internal static class ClaimText
{
    public static IReadOnlyList<double> Around(Cell cell, params double[] shares)
    {
        double rate = WorkingSet.EstimatedRate(cell.Workload, cell.Profile, cell.Instances);
        return [.. shares.Select(share => share * rate)];
    }

    public static double ReusableShare(PreparedWorkload workload) =>
        workload.All.Sum(request => (double)request.ReusableTokens) / workload.All.Sum(request => (double)request.PromptTokens);

    public static string Lengths(PreparedWorkload workload) => FormattableString.Invariant(
        $"{workload.All.Count} requests, mean prompt {workload.All.Average(r => r.PromptTokens):0} tokens, mean answer {workload.All.Average(r => r.ForEngine.OutputTokens):0}; an unbounded shared cache would hold {100 * ReusableShare(workload):0.0} % of the prompt tokens");
}
