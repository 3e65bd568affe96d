using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Claims;

/// <summary>What experiments share: rates to try, and their workload in words.</summary>
internal static class ClaimText
{
    /// <summary>Rates in shares of <see cref="WorkingSet.EstimatedRate"/>, itself 70 % of what the engines compute with a perfect cache.</summary>
    public static IReadOnlyList<double> Around(Cell cell, params double[] shares)
    {
        double rate = WorkingSet.EstimatedRate(cell.Workload, cell.Profile, cell.Instances);
        return [.. shares.Select(share => share * rate)];
    }

    /// <summary>Share of the prompt tokens that earlier requests leave in a cache without bound, 0 to 1.</summary>
    public static double ReusableShare(PreparedWorkload workload) =>
        workload.All.Sum(request => (double)request.ReusableTokens) / workload.All.Sum(request => (double)request.PromptTokens);

    /// <summary>How long the workload's requests are, and how much of them can be reused.</summary>
    public static string Lengths(PreparedWorkload workload) => FormattableString.Invariant(
        $"{workload.All.Count:n0} requests, mean prompt {workload.All.Average(r => r.PromptTokens):n0} tokens, mean answer {workload.All.Average(r => r.ForEngine.OutputTokens):n0}; one shared cache without bound would hold {100 * ReusableShare(workload):0.0} % of the prompt tokens");

    /// <summary>A share in percent.</summary>
    public static string Percent(double share) => FormattableString.Invariant($"{100 * share:0} %");
}
