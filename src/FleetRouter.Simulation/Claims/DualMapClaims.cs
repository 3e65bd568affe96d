using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Claims;

/// <summary>DualMap (arXiv 2602.06502) in its own setting.</summary>
public static class DualMapClaims
{
    private const int LongestContext = 20_480;

    private const string Full = "dual-map", Fixed = "dual-map, no moves", MinTtft = "min-ttft", Preble = "preble", Affinity = "cache-affinity", Least = "least-loaded";

    private static readonly string[] Baselines = [Affinity, Least, MinTtft, Preble];

    /// <summary>The experiment on Mooncake's conversations.</summary>
    /// <param name="trace">The trace's sessions.</param>
    /// <param name="requests">Requests to take; 4,000 as published.</param>
    /// <param name="seed">Seed of texts and probes.</param>
    /// <exception cref="TraceReadException">No request is short enough, or a line is malformed.</exception>
    public static Experiment Conversation(IEnumerable<TraceSession> trace, int requests, ulong seed)
    {
        PreparedWorkload workload = PreparedWorkload.Of(WorkloadSelection.Of(trace, requests, LongestContext).Sessions, seed);
        EngineProfile profile = ClaimHardware.Ascend(workload.All.Average(request => request.PromptTokens));
        var cell = new Cell(workload, 8, profile, null, new Slo(TimeSpan.FromSeconds(5), TimeSpan.Zero, TimeSpan.FromDays(1)), seed);
        int budget = (int)(cell.Slo.Ttft.TotalSeconds / ClaimHardware.AscendSecondsPerToken);
        return new Experiment("DualMap, Mooncake conversation", "8 instances",
            cell,
            [
                new(Full, $"dual-map:budget={budget}", Rebalances: true), new(Fixed, $"dual-map:budget={budget}"), new(MinTtft, "min-ttft"),
                new(Preble, "preble"), new(Affinity, "session-hash:blocks=16"), new("cache-affinity, longest match", "cache-aware:abs=100000,rel=1000,match=0,tree=0"), new(Least, "least-load"), new("lmetric", "lmetric"), 
            ],
            PublishedClaims.Around(cell, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5), [PublishedClaims.Lengths(workload)], Read);
    }

    private static IReadOnlyList<ClaimFigure> Read(ClaimRuns runs) =>
    [
        ClaimFigure.Of("requests within 5 s, over the best baseline", "+40.6 to 80 %", (1.406, 1.8), runs.More(run => run.InTimeShare, Full, Baselines)),
        ClaimFigure.Of("median TTFT, over the best baseline", "-55.4 to 97.4 %", (ClaimFigure.Fewer(0.554), ClaimFigure.Fewer(0.974)), runs.Less(run => run.TtftP50, Full, Baselines)),
        ClaimFigure.Of("p90 TTFT, over the best baseline", "-82.3 to 97 %", (ClaimFigure.Fewer(0.823), ClaimFigure.Fewer(0.97)), runs.Less(run => run.TtftP90, Full, Baselines)),
        ClaimFigure.Of("hit share, of cache affinity's", "62.5 / 96.4 %", (0.625, 0.964), runs.More(run => run.HitShare, Full, Affinity)),
        ClaimFigure.Of("SLO-aware routing's median TTFT, over min-ttft's", "-23.5 %", (ClaimFigure.Fewer(0.235), ClaimFigure.Fewer(0.235)), runs.Less(run => run.TtftP50, Fixed, MinTtft)),
        ClaimFigure.Of("rebalancing's p90 TTFT, over without", "-11.3 %", (ClaimFigure.Fewer(0.113), ClaimFigure.Fewer(0.113)), runs.Less(run => run.TtftP90, Full, Fixed)),
    ];
}
