using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Claims;

/// <summary>LMetric (arXiv 2603.15202) against fewest requests, as vLLM's own balancing, and against weighted sums, as the
/// production scheduler it replaced; and SMetric (arXiv 2607.08565) against LMetric.</summary>
public static class LMetricClaims
{
    private const string Product = "lmetric", Fewest = "fewest requests", LlmD = "llm-d", Dynamo = "dynamo", Sessions = "smetric", Slack = "smetric, slack 3";

    /// <summary>LMetric on one trace.</summary>
    /// <param name="name">What the trace holds.</param>
    /// <param name="trace">The trace's sessions.</param>
    /// <param name="requests">Requests to take.</param>
    /// <param name="seed">Seed of texts and probes.</param>
    /// <exception cref="TraceReadException">No request is short enough, or a line is malformed.</exception>
    public static Experiment LMetric(string name, IEnumerable<TraceSession> trace, int requests, ulong seed)
    {
        Cell cell = Cell(trace, requests, seed);
        return new Experiment($"LMetric, {name}", "8 instances", cell,
            [new(Product, "lmetric"), new(Fewest, "least-requests"), new(LlmD, "llm-d"), new(Dynamo, "dynamo")],
            ClaimText.Around(cell, 0.6, 0.8, 1.0, 1.1, 1.2), [ClaimText.Lengths(cell.Workload)], runs =>
            [
                ClaimFigure.Of("mean TTFT, over fewest requests (vLLM)", "-92 %", (12.5, 12.5), runs.Less(run => run.MeanTtft, Product, Fewest)),
                ClaimFigure.Of("mean TPOT, over fewest requests (vLLM)", "-21 %", (1.266, 1.266), runs.Less(run => run.MeanTpot, Product, Fewest)),
                ClaimFigure.Of("mean TTFT, over the better sum (production)", "-39 to -52 %", (1.64, 2.08), runs.Less(run => run.MeanTtft, Product, LlmD, Dynamo)),
                ClaimFigure.Of("mean TPOT, over the better sum (production)", "-20 to -51 %", (1.25, 2.04), runs.Less(run => run.MeanTpot, Product, LlmD, Dynamo)),
            ]);
    }

    /// <summary>SMetric on one trace.</summary>
    /// <inheritdoc cref="LMetric"/>
    public static Experiment SMetric(string name, IEnumerable<TraceSession> trace, int requests, ulong seed)
    {
        Cell cell = Cell(trace, requests, seed);
        return new Experiment($"SMetric, {name}", "8 instances", cell,
            [new(Sessions, "smetric"), new(Slack, "smetric:slack=3"), new(Product, "lmetric"), new(LlmD, "llm-d")],
            ClaimText.Around(cell, 0.4, 0.6, 0.8, 1.0, 1.1, 1.2), [ClaimText.Lengths(cell.Workload)], runs =>
            [
                ClaimFigure.Of("tokens a second within SLO, over lmetric", "+9 and +15 %", (1.09, 1.15), runs.More(run => run.TokensPerSecondInSlo, Sessions, Product)),
                ClaimFigure.Of("tokens a second within SLO slack, over lmetric", "+9 and +15 %", (1.09, 1.15), runs.More(run => run.TokensPerSecondInSlo, Slack, Product)),
            ]);
    }

    private static Cell Cell(IEnumerable<TraceSession> trace, int requests, ulong seed)
    {
        EngineProfile profile = EngineProfile.Named("h100-llama-3.1-8b");
        return new Cell(PreparedWorkload.Of(WorkloadSelection.Of(trace, requests, profile.Model.MaxModelLength).Sessions, seed), 8, profile, null, Slo.ByLength, seed);
    }
}
