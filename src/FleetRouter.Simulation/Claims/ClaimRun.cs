using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Claims;

/// <summary>What published evaluations tell of a run. Only requests that were answered have times.</summary>
/// <param name="Entrant">Which policy ran.</param>
/// <param name="Rate">Requests a second offered.</param>
/// <param name="InTimeShare">Share of the offered requests whose first token met the promise: DualMap's effective request capacity.</param>
/// <param name="TokensPerSecondInSlo">Answer tokens a second of requests that met the whole promise: SMetric's TPS-in-SLO.</param>
/// <param name="MeanTtft">Mean time to first token, ms.</param>
/// <param name="TtftP50">Its median, ms.</param>
/// <param name="TtftP90">Its 90th percentile, ms.</param>
/// <param name="MeanTpot">Mean, over requests, of the mean time between their tokens, ms.</param>
/// <param name="MeanLatency">Mean time from the offer to the last token, ms.</param>
/// <param name="LatencyP99">Its 99th percentile, ms.</param>
/// <param name="HitShare">Prompt tokens found in an engine's cache, of all prompt tokens answered.</param>
/// <param name="LoadVariation">Coefficient of variation of pending prefill tokens between instances.</param>
/// <param name="Unanswered">Requests that were refused or broke; published settings refuse none.</param>
public sealed record ClaimRun(
    string Entrant, double Rate, double InTimeShare, double TokensPerSecondInSlo, double MeanTtft, double TtftP50, double TtftP90,
    double MeanTpot, double MeanLatency, double LatencyP99, double HitShare, double LoadVariation, int Unanswered)
{
    /// <summary>Puts a finished run into figures.</summary>
    /// <param name="entrant">Which policy ran.</param>
    /// <param name="rate">Requests a second offered.</param>
    /// <param name="slo">The promise.</param>
    /// <param name="run">The run.</param>
    public static ClaimRun Of(string entrant, double rate, Slo slo, FleetRun run)
    {
        RequestOutcome[] answered = [.. run.Answered];
        double Mean(Func<RequestOutcome, TimeSpan> of) => answered.Length == 0 ? 0 : answered.Average(outcome => of(outcome).TotalMilliseconds);
        Percentiles ttft = Percentiles.Of(answered.Select(outcome => outcome.TimeToFirstToken!.Value.TotalMilliseconds));
        return new ClaimRun(
            entrant, rate,
            (double)answered.Count(outcome => outcome.TimeToFirstToken <= slo.TtftFor(outcome.Request.PromptTokens)) / run.Outcomes.Count,
            rate * answered.Where(slo.IsMet).Sum(outcome => (double)outcome.OutputTokens) / run.Outcomes.Count,
            Mean(outcome => outcome.TimeToFirstToken!.Value), ttft.P50, ttft.P90,
            Mean(outcome => outcome.InterTokenTime!.Value), Mean(Latency),
            Percentiles.Of(answered.Select(outcome => Latency(outcome).TotalMilliseconds)).P99,
            run.HitTokenShare, run.LoadVariation, run.Outcomes.Count - answered.Length);
    }

    private static TimeSpan Latency(RequestOutcome outcome) => outcome.EndedAt!.Value - outcome.OfferedAt!.Value;
}
