using System.Text.Json.Serialization;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Reports;

/// <summary>What was replayed, how.</summary>
internal sealed record WorkloadFacts(
    string Trace, string Format, ulong Seed, double Speed, string Endpoint, string Target, string Model, double SloTtftMs, double SloItlMs)
{
    /// <summary>Instances that may serve, where the caller knows them: one that serves nothing counts as 0 in the balance.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> KnownInstances { get; init; } = [];
}

/// <summary>
/// A replay's figures; its JSON form is this record in snake_case. Latencies are of completed requests, from the
/// scheduled instant. Failed requests count as misses of the SLOs and are counted apart.
/// </summary>
internal sealed record ReplayReport
{
    public required string Trace { get; init; }
    public required string Format { get; init; }
    public required ulong Seed { get; init; }
    public required double Speed { get; init; }
    public required string Endpoint { get; init; }
    public required string Target { get; init; }
    public required string Model { get; init; }

    /// <summary>Requests sent.</summary>
    public required int Requests { get; init; }
    public required int Completed { get; init; }
    public required int Failed { get; init; }

    /// <summary>In flight when the run was ended early.</summary>
    public required int Unfinished { get; init; }

    /// <summary>Turns never sent because one they follow failed.</summary>
    public required int Abandoned { get; init; }
    public required bool Interrupted { get; init; }

    /// <summary>Rows and requests left out, by reason.</summary>
    public required IReadOnlyDictionary<string, int> Skipped { get; init; }
    public required IReadOnlyDictionary<string, int> FailuresByKind { get; init; }

    /// <summary>From the run's start to its last end.</summary>
    public required double DurationS { get; init; }

    /// <summary>Requests per second between the first and the last scheduled instant; null where there is no span.</summary>
    public required double? OfferedRps { get; init; }
    public required double CompletedRps { get; init; }
    public required LatencySummary? TtftMs { get; init; }

    /// <summary>Time between successive chunks that carry text, over all answers.</summary>
    public required LatencySummary? ItlMs { get; init; }
    public required LatencySummary? E2eMs { get; init; }

    /// <summary>How late requests were sent after their scheduled instant.</summary>
    public required LatencySummary? SenderLatenessMs { get; init; }
    public required SloReport Slo { get; init; }

    /// <summary>Requests that met both SLOs, per second of the run.</summary>
    public required double GoodputRps { get; init; }
    public required long PromptTokens { get; init; }
    public required long CachedTokens { get; init; }
    public required long CompletionTokens { get; init; }

    /// <summary>Answer tokens per second of the run.</summary>
    public required double TokensPerS { get; init; }

    /// <summary>Prompt tokens found in a prefix cache over all prompt tokens; null where no engine told.</summary>
    public required double? CacheHitTokenShare { get; init; }
    public required double? LoadCv { get; init; }
    public string LoadCvOf { get; } = "prompt plus completion tokens of completed requests by serving instance: population standard deviation over mean";
    public string Percentiles { get; } = "nearest rank over all samples; itl_ms in logarithmic buckets, off by at most 0.4 %";
    public required IReadOnlyList<InstanceReport> PerInstance { get; init; }
    public required IReadOnlyList<TimelineBucket> Timeline { get; init; }
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Distributions for plots.</summary>
    [JsonIgnore]
    public ReportCurves Curves { get; init; } = new([], [], []);
}

/// <summary>The SLOs and how many requests met both: time to first token, and mean time between an answer's tokens.</summary>
internal sealed record SloReport(double TtftMs, double ItlMs, int Met, double MetShare);

/// <summary>One instance's part.</summary>
internal sealed record InstanceReport(
    string Instance, int Requests, int Failed, long PromptTokens, long CachedTokens, long CompletionTokens, double? TtftP50Ms, double? TtftP99Ms);

/// <summary>One slice of the run: requests scheduled in it, and what became of those.</summary>
internal sealed record TimelineBucket(
    double FromS, double ToS, int Scheduled, int Completed, int Failed, double? TtftP50Ms, double? TtftP90Ms, double TokensPerS, double? CacheHitTokenShare);

/// <summary>Cumulative distributions: value in milliseconds that a share of the samples does not exceed.</summary>
internal sealed record ReportCurves(IReadOnlyList<CurvePoint> Ttft, IReadOnlyList<CurvePoint> Itl, IReadOnlyList<CurvePoint> E2e);

/// <summary>A point of a plot.</summary>
internal readonly record struct CurvePoint(double X, double Y);
