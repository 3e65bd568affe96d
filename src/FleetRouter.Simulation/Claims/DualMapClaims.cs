using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Claims;

/// <summary>DualMap (arXiv 2602.06502) against its own baselines, on Mooncake's conversations.</summary>
public static class DualMapClaims
{
    /// <summary>Longest context of its engines, tokens.</summary>
    private const int LongestContext = 20_480;

    private const string Full = "dual-map", Still = "dual-map, no moves", Affinity = "cache affinity", Least = "least-loaded", MinTtft = "min-ttft", Preble = "preble";

    private static readonly string[] Baselines = [Affinity, Least, MinTtft, Preble];

    /// <summary>As published: answers as recorded.</summary>
    /// <param name="trace">The trace's sessions.</param>
    /// <param name="requests">Requests to take.</param>
    /// <param name="seed">Seed of texts and probes.</param>
    /// <exception cref="TraceReadException">No request is short enough, or a line is malformed.</exception>
    public static Experiment Conversation(IEnumerable<TraceSession> trace, int requests, ulong seed) =>
        Of("DualMap, Mooncake conversation", "answers as recorded", Selected(trace, requests), seed, [1.0, 1.2, 1.3, 1.4, 1.45, 1.5]);

    /// <summary>The same with answers of one token: the prefill queues alone, which DualMap's rule reasons about.</summary>
    /// <inheritdoc cref="Conversation"/>
    public static Experiment PrefillAlone(IEnumerable<TraceSession> trace, int requests, ulong seed) =>
        Of("DualMap, Mooncake conversation, prefill alone", "answers of one token",
            [.. Selected(trace, requests).Select(session => session with { Turns = [.. session.Turns.Select(turn => turn with { OutputTokens = 1 })] })],
            seed, [0.7, 0.8, 0.9, 1.0, 1.1, 1.2]);

    private static IReadOnlyList<TraceSession> Selected(IEnumerable<TraceSession> trace, int requests) =>
        WorkloadSelection.Of(trace, requests, LongestContext).Sessions;

    private static Experiment Of(string name, string answers, IReadOnlyList<TraceSession> sessions, ulong seed, double[] shares)
    {
        PreparedWorkload workload = PreparedWorkload.Of(sessions, seed);
        EngineProfile profile = ClaimHardware.Ascend(workload.All.Average(request => request.PromptTokens));
        var cell = new Cell(workload, 8, profile, null, Slo.Flat, seed);
        int budget = (int)(cell.Slo.Ttft.TotalSeconds / ClaimHardware.AscendSecondsPerToken);
        return new Experiment(name,
            FormattableString.Invariant($"8 instances of Qwen2.5-7B at 0.16 ms a prompt token, {cell.KvTokens:n0} tokens of KV each, the first requests of at most {LongestContext:n0} tokens, {answers}; first token within 5 s; dual-map's budget {budget:n0} tokens"),
            cell,
            [
                new(Full, $"dual-map:budget={budget}", Rebalances: true), new(Still, $"dual-map:budget={budget}"),
                new(Affinity, "session-hash:blocks=16"), new(Least, "least-load"), new(MinTtft, "min-ttft"), new(Preble, "preble"),
            ],
            ClaimText.Around(cell, shares), [ClaimText.Lengths(workload)], Read);
    }

    private static IReadOnlyList<ClaimFigure> Read(ClaimRuns runs) =>
    [
        .. Baselines.Select(baseline => ClaimFigure.Of($"requests within 5 s, over {baseline}", "+40.6 to +80 %", (1.406, 1.8), runs.More(run => run.InTimeShare, Full, baseline))),
        ClaimFigure.Of("requests within 5 s, over the best of them", "+40.6 to +80 %", (1.406, 1.8), runs.More(run => run.InTimeShare, Full, Baselines)),
        .. Baselines.Select(baseline => ClaimFigure.Of($"median TTFT, over {baseline}", "-55.4 to -97.4 %", (ClaimFigure.Fewer(0.554), ClaimFigure.Fewer(0.974)), runs.Less(run => run.TtftP50, Full, baseline))),
        .. Baselines.Select(baseline => ClaimFigure.Of($"p90 TTFT, over {baseline}", "-82.3 to -97 %", (ClaimFigure.Fewer(0.823), ClaimFigure.Fewer(0.97)), runs.Less(run => run.TtftP90, Full, baseline))),
        ClaimFigure.Of("hit share, of cache affinity's", "62.5 and 96.4 %", (0.625, 0.964), runs.More(run => run.HitShare, Full, Affinity)),
        ClaimFigure.Of("median TTFT of its routing alone, over min-ttft", "-23.5 %", (ClaimFigure.Fewer(0.235), ClaimFigure.Fewer(0.235)), runs.Less(run => run.TtftP50, Still, MinTtft)),
        ClaimFigure.Of("p90 TTFT with moves, over without", "-11.3 %", (ClaimFigure.Fewer(0.113), ClaimFigure.Fewer(0.113)), runs.Less(run => run.TtftP90, Full, Still)),
    ];
}
