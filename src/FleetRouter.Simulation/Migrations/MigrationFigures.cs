using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Migrations;

/// <summary>What runs tell of moving requests, all together. Times in milliseconds, of requests answered whole; who was refused waited for a first token
/// until then.</summary>
/// <param name="RateRps">Requests a second offered.</param>
/// <param name="TtftMean">Mean time to first token.</param>
/// <param name="TtftMs">Its percentiles.</param>
/// <param name="InterTokenMs">Percentiles of a request's mean time between tokens.</param>
/// <param name="LongestGapMs">Percentiles of a request's longest time between two tokens.</param>
/// <param name="LatencyMean">Mean time from the offer to the last token.</param>
/// <param name="LatencyMs">Its percentiles.</param>
/// <param name="Preemptions">Times an engine took a running request's cache away.</param>
/// <param name="Moves">Requests moved before their first token.</param>
/// <param name="CarriedOver">Answers carried over while they ran.</param>
/// <param name="MovedTokenShare">Tokens of prompts and answers so far that were carried over, of all tokens of prompts and answers.</param>
/// <param name="SeamP99Ms">99th percentile of the gap at the seam of an answer carried over.</param>
/// <param name="GoodShare">Share of the offered requests that met the promise.</param>
/// <param name="Unanswered">Requests refused or broken.</param>
public sealed record MigrationFigures(
    double RateRps, double TtftMean, Percentiles TtftMs, Percentiles InterTokenMs, Percentiles LongestGapMs, double LatencyMean, Percentiles LatencyMs,
    long Preemptions, int Moves, int CarriedOver, double MovedTokenShare, double SeamP99Ms, double GoodShare, int Unanswered)
{
    /// <summary>Puts the requests of some runs that are asked for into figures.</summary>
    public static MigrationFigures Of(IReadOnlyList<FleetRun> runs, double rate, Slo slo, Func<RequestOutcome, bool>? which = null)
    {
        RequestOutcome[] all = [.. runs.SelectMany(run => which is null ? run.Outcomes : run.Outcomes.Where(which))];
        RequestOutcome[] answered = [.. all.Where(outcome => outcome.Kind == OutcomeKind.Completed)];
        double[] Times(Func<RequestOutcome, TimeSpan> of) => [.. answered.Select(outcome => of(outcome).TotalMilliseconds)];
        double[] ttft = [.. all.Select(outcome => (outcome.FirstTokenAt ?? outcome.EndedAt) - outcome.OfferedAt).OfType<TimeSpan>().Select(time => time.TotalMilliseconds)];
        double[] latency = Times(outcome => outcome.EndedAt!.Value - outcome.OfferedAt!.Value);
        return new MigrationFigures(
            rate, ttft.Length == 0 ? 0 : ttft.Average(), Percentiles.Of(ttft), Percentiles.Of(Times(outcome => outcome.InterTokenTime!.Value)),
            Percentiles.Of(Times(outcome => outcome.LongestGap)), latency.Length == 0 ? 0 : latency.Average(), Percentiles.Of(latency),
            runs.Sum(run => run.Engines.Sum(engine => engine.Preemptions)), all.Sum(outcome => outcome.Moves), all.Sum(outcome => outcome.Migrations),
            (double)all.Sum(outcome => outcome.MovedTokens) / Math.Max(1, all.Sum(outcome => outcome.Request.PromptTokens + (long)outcome.OutputTokens)),
            Percentiles.Of(all.Where(outcome => outcome.Migrations > 0).Select(outcome => outcome.LongestSeam.TotalMilliseconds)).P99,
            (double)all.Count(slo.IsMet) / Math.Max(1, all.Length), all.Length - answered.Length);
    }
}
