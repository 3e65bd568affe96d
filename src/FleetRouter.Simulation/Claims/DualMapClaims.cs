using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;
using static FleetRouter.Simulation.Claims.ClaimText;

namespace FleetRouter.Simulation.Claims;

/// <summary>DualMap (arXiv 2602.06502) against its own baselines, on Mooncake's conversations.</summary>
public static class DualMapClaims
{
    /// <summary>Longest context of its engines, tokens.</summary>
    private const int LongestContext = 20_480;

    private const string Full = "dual-map", Still = "dual-map, no moves", Affinity = "cache affinity", Least = "least-loaded", MinTtft = "min-ttft", Preble = "preble";

    private static readonly string[] Baselines = [Affinity, Least, MinTtft, Preble];
    private static readonly (double, double) Capacity = (40.6, 80);

    /// <summary>As published: answers as recorded.</summary>
    /// <param name="trace">The trace's sessions.</param>
    /// <param name="requests">Requests to take.</param>
    /// <param name="seed">Seed of texts and probes.</param>
    /// <exception cref="TraceReadException">No request is short enough, or a line is malformed.</exception>
    public static Experiment Conversation(IEnumerable<TraceSession> trace, int requests, ulong seed) =>
        Of("DualMap, conversation", "answers as recorded", Selected(trace, requests), seed, [1.0, 1.2, 1.3, 1.4, 1.45, 1.5], ReadAll);

    /// <summary>The same with answers of one token: the prefill queues alone, which its rule reasons about.</summary>
    /// <inheritdoc cref="Conversation"/>
    public static Experiment PrefillAlone(IEnumerable<TraceSession> trace, int requests, ulong seed) =>
        Of("DualMap, conversation, prefill alone", "answers of one token",
            [.. Selected(trace, requests).Select(session => session with { Turns = [.. session.Turns.Select(turn => turn with { OutputTokens = 1 })] })],
            seed, [0.9, 1.0, 1.1, 1.15, 1.2], ReadCapacity);

    private static IReadOnlyList<TraceSession> Selected(IEnumerable<TraceSession> trace, int requests) =>
        WorkloadSelection.Of(trace, requests, LongestContext).Sessions;

    private static Experiment Of(string name, string answers, IReadOnlyList<TraceSession> sessions, ulong seed, double[] shares,
        Func<ClaimRuns, PreparedWorkload, IReadOnlyList<ClaimFigure>> read)
    {
        PreparedWorkload workload = PreparedWorkload.Of(sessions, seed);
        EngineProfile profile = ClaimHardware.Ascend(workload.All.Average(request => request.PromptTokens));
        var cell = new Cell(workload, 8, profile, null, Slo.Flat, seed);
        int budget = (int)Math.Round(cell.Slo.Ttft.TotalSeconds / ClaimHardware.AscendSecondsPerToken);
        return new Experiment(name,
            FormattableString.Invariant($"8 instances of Qwen2.5-7B at 0.16 ms a prompt token, {cell.KvTokens:n0} tokens of KV each; the first requests of at most {LongestContext:n0} tokens, {answers}; first token within 5 s; dual-map's budget {budget:n0} tokens"),
            cell,
            [
                new(Full, $"dual-map:budget={budget}", Rebalances: true), new(Still, $"dual-map:budget={budget}"),
                new(Affinity, "session-hash:blocks=16"), new(Least, "least-load"), new(MinTtft, "min-ttft"), new(Preble, "preble"),
            ],
            Around(cell, shares), [Lengths(workload)], runs => read(runs, workload));
    }

    private static IReadOnlyList<ClaimFigure> ReadCapacity(ClaimRuns runs, PreparedWorkload workload)
    {
        ClaimFigure best = ClaimFigure.Of("requests within 5 s, over the best baseline", Gain.More, Capacity, runs.More(run => run.InTimeShare, Full, Baselines));
        double rate = best.BestRate;
        string strongest = Baselines.MaxBy(baseline => runs.At(baseline, rate).InTimeShare)!;
        double reuse = ReusableShare(workload), without = runs.At(Least, rate).HitShare;
        string why = FormattableString.Invariant(
            $"at {rate:0.00}/s {strongest}, which here scores all instances from the pool's own ledger, keeps {Percent(runs.At(strongest, rate).InTimeShare)} in time, and reuse has little to give: {Percent(reuse)} of the tokens can be reused at all (published: about 40 %), least-loaded finds {Percent(without)} without trying, so perfect reuse computes {(1 - without) / (1 - reuse):0.00} times the requests");
        return
        [
            Explained(best, _ => why),
            .. Baselines.Select(baseline => Explained(
                ClaimFigure.Of($"requests within 5 s, over {baseline}", Gain.More, Capacity, runs.More(run => run.InTimeShare, Full, baseline)), at => Why(runs, baseline, at))),
        ];
    }

    private static ClaimFigure Explained(ClaimFigure figure, Func<double, string> why) => figure.Differs ? figure with { Why = why(figure.BestRate) } : figure;

    private static string Why(ClaimRuns runs, string baseline, double rate) => FormattableString.Invariant(
        $"published over the best baseline alone; at {rate:0.00}/s {baseline} keeps {Percent(runs.At(baseline, rate).InTimeShare)} in time, dual-map {Percent(runs.At(Full, rate).InTimeShare)}, without moves {Percent(runs.At(Still, rate).InTimeShare)}");

    private static IReadOnlyList<ClaimFigure> ReadAll(ClaimRuns runs, PreparedWorkload workload)
    {
        string Shorter(Func<ClaimRun, double> time, double rate) => FormattableString.Invariant(
            $"past {rate:0.00}/s dual-map leaves its warm candidate for queues it judges by prefill alone: its hit share falls from {Percent(runs.Of(Full).First().HitShare)} to {Percent(runs.Of(Full).Last().HitShare)}, preble's stays {Percent(runs.Of(Preble).Last().HitShare)}; {time(runs.At(Full, rate)):n0} ms against {Baselines.Min(baseline => time(runs.At(baseline, rate))):n0} ms");
        IEnumerable<ClaimFigure> Time(string what, Func<ClaimRun, double> time, (double, double) published)
        {
            yield return Explained(ClaimFigure.Of($"{what}, over the best baseline", Gain.Less, published, runs.Less(time, Full, Baselines)), rate => Shorter(time, rate));
            yield return ClaimFigure.Of($"{what}, over the worst baseline", Gain.Less, published, runs.LessThanWorst(time, Full, Baselines));
        }
        return
        [
            .. ReadCapacity(runs, workload),
            .. Time("median TTFT", run => run.TtftP50, (-55.4, -97.4)),
            .. Time("p90 TTFT", run => run.TtftP90, (-82.3, -97)),
            ClaimFigure.Of("hit share, of cache affinity's", Gain.Share, (62.5, 96.4), runs.More(run => run.HitShare, Full, Affinity)),
            ClaimFigure.Of("median TTFT of the routing alone, over min-ttft", Gain.Less, (-23.5, -23.5), runs.Less(run => run.TtftP50, Still, MinTtft),
                "min-ttft weighs every instance and hears of each dispatch at once, dual-map's routing weighs two"),
            Explained(ClaimFigure.Of("p90 TTFT with moves, over without", Gain.Less, (-11.3, -11.3), runs.Less(run => run.TtftP90, Full, Still)),
                _ => FormattableString.Invariant($"a move gives the warm cache up while both queues are long: at {runs.Of(Full).Last().Rate:0.00}/s {Percent(runs.Of(Full).Last().HitShare)} is found cached with moves, {Percent(runs.Of(Still).Last().HitShare)} without; and rounds of moves come with the probes, once a second")),
        ];
    }
}
