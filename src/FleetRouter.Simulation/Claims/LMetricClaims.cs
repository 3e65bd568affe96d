using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;
using static FleetRouter.Simulation.Claims.ClaimText;

namespace FleetRouter.Simulation.Claims;

/// <summary>LMetric (arXiv 2603.15202) against fewest requests, in the place of vLLM's own balancing, and against weighted sums, in the
/// place of the production scheduler it replaced; SMetric (arXiv 2607.08565) against LMetric.</summary>
public static class LMetricClaims
{
    private const string Product = "lmetric", Fewest = "fewest requests", LlmD = "llm-d", Dynamo = "dynamo", Later = "smetric", Slack = "smetric, slack 3";

    private static readonly Entrant[] Products = [new(Product, "lmetric"), new(Fewest, "least-requests"), new(LlmD, "llm-d"), new(Dynamo, "dynamo")];

    /// <summary>LMetric on conversations without sessions.</summary>
    /// <param name="trace">The trace's sessions.</param>
    /// <param name="requests">Requests to take.</param>
    /// <param name="seed">Seed of texts and probes.</param>
    /// <exception cref="TraceReadException">No request is short enough, or a line is malformed.</exception>
    public static Experiment Chat(IEnumerable<TraceSession> trace, int requests, ulong seed)
    {
        Cell cell = Cell(trace, requests, seed);
        return new Experiment("LMetric, conversation", Setting, cell, Products, Around(cell, 0.6, 0.8, 1.0, 1.1, 1.15), [Lengths(cell.Workload)],
            runs => OfLMetric(runs, cell.Workload));
    }

    /// <summary>LMetric and SMetric on coding agents' sessions.</summary>
    /// <inheritdoc cref="Chat"/>
    public static Experiment Agents(IEnumerable<TraceSession> trace, int requests, ulong seed)
    {
        Cell cell = Cell(trace, requests, seed);
        return new Experiment("LMetric and SMetric, coding agents", Setting, cell, [.. Products, new(Later, "smetric"), new(Slack, "smetric:slack=3")],
            Around(cell, 0.2, 0.35, 0.45, 0.5, 0.55), [Lengths(cell.Workload)],
            runs =>
            [
                .. OfLMetric(runs, cell.Workload),
                .. new[] { Later, Slack }.Select(name => ClaimFigure.Of(
                    $"{name}: tokens a second within SLO, over lmetric", Gain.More, (9, 15), runs.More(run => run.TokensPerSecondInSlo, name, Product),
                    FormattableString.Invariant($"hits, not loads, tell them apart: at the highest rate {name} finds {Percent(runs.Of(name).Last().HitShare)} of the tokens cached, lmetric {Percent(runs.Of(Product).Last().HitShare)}"))),
            ]);
    }

    private const string Setting =
        "8 instances of Llama-3.1-8B on H100, for the sources tell neither model nor cluster; first token within 1 s and 62.5 ms for each 1,000 prompt tokens, tokens 100 ms apart";

    private static IReadOnlyList<ClaimFigure> OfLMetric(ClaimRuns runs, PreparedWorkload workload)
    {
        ClaimRun ours = runs.Of(Product).Last(), few = runs.At(Fewest, ours.Rate);
        string reuse = FormattableString.Invariant(
            $"the gain over fewest requests is reuse: {Percent(ReusableShare(workload))} of the tokens can be reused at all, at {ours.Rate:0.00}/s lmetric finds {Percent(ours.HitShare)} cached and fewest requests {Percent(few.HitShare)}");
        string Sum(string name) => FormattableString.Invariant(
            $"the production scheduler is not public, {name} stands in for it: at {ours.Rate:0.00}/s it finds {Percent(runs.At(name, ours.Rate).HitShare)} cached and keeps {Percent(runs.At(name, ours.Rate).InTimeShare)} in time, lmetric {Percent(ours.HitShare)} and {Percent(ours.InTimeShare)}");
        return
        [
            ClaimFigure.Of("lmetric: mean TTFT, over fewest requests", Gain.Less, (-92, -92), runs.Less(run => run.MeanTtft, Product, Fewest), reuse),
            ClaimFigure.Of("lmetric: mean TPOT, over fewest requests", Gain.Less, (-21, -24), runs.Less(run => run.MeanTpot, Product, Fewest), reuse),
            .. new[] { LlmD, Dynamo }.Select(name => ClaimFigure.Of($"lmetric: mean TTFT, over {name}", Gain.Less, (-39, -52), runs.Less(run => run.MeanTtft, Product, name), Sum(name))),
            .. new[] { LlmD, Dynamo }.Select(name => ClaimFigure.Of($"lmetric: mean TPOT, over {name}", Gain.Less, (-20, -51), runs.Less(run => run.MeanTpot, Product, name), Sum(name))),
        ];
    }

    private static Cell Cell(IEnumerable<TraceSession> trace, int requests, ulong seed)
    {
        EngineProfile profile = EngineProfile.Named("h100-llama-3.1-8b");
        return new Cell(PreparedWorkload.Of(WorkloadSelection.Of(trace, requests, profile.Model.MaxModelLength).Sessions, seed), 8, profile, null, Slo.ByLength, seed);
    }
}
