using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Claims;

/// <summary>An experiment before its workload is read.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Trace">Beginning of the trace file's name; null for a synthetic workload.</param>
/// <param name="Requests">Requests it takes.</param>
/// <param name="Make">Makes it of the trace's sessions, a number of requests and a seed.</param>
public sealed record ClaimPlan(string Name, string? Trace, int Requests, Func<IEnumerable<TraceSession>, int, ulong, Experiment> Make)
{
    /// <summary>Reads the workload.</summary>
    /// <param name="path">The trace file; not looked at for a synthetic workload.</param>
    /// <param name="requests">Requests to take at most; null for as many as planned.</param>
    /// <param name="seed">Seed of texts, jitter, session starts and probes.</param>
    /// <exception cref="TraceReadException">The trace cannot be read.</exception>
    public Experiment Prepare(string? path, int? requests, ulong seed) => Make(
        Trace is null ? [] : Traces.Trace.Open(path!, null, new TraceReading(seed, LongestThinkTime: WorkloadSelection.LongestThinkTime)).Sessions(),
        Math.Min(Requests, requests ?? Requests), seed);
}

/// <summary>The experiments, one for each setting that claims were published in.</summary>
public static class PublishedClaims
{
    private const string Conversation = "mooncake_conversation", Agents = "claude_code";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ClaimPlan> All { get; } =
    [
        new("DualMap, conversation", Conversation, 4_000, DualMapClaims.Conversation),
        new("DualMap, conversation, prefill alone", Conversation, 4_000, DualMapClaims.PrefillAlone),
        new("LMetric, conversation", Conversation, 2_500, LMetricClaims.Chat),
        new("LMetric and SMetric, coding agents", Agents, 2_500, LMetricClaims.Agents),
        new("Preble, tools", null, 6_000, (_, requests, seed) => PrebleClaims.Tools(requests, seed)),
        new("Preble, videos", null, 2_000, (_, requests, seed) => PrebleClaims.Videos(requests, seed)),
    ];
}
