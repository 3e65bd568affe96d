using System.Diagnostics.Metrics;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Counts and times of requests, as a client sees them.</summary>
internal sealed class RequestTelemetry
{
    private static readonly InstrumentAdvice<double> Latencies = new()
    {
        HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160],
    };

    private static readonly InstrumentAdvice<double> Overheads = new()
    {
        HistogramBucketBoundaries = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25],
    };

    /// <summary>HTTP status codes as text, so that counting a request makes none.</summary>
    private static readonly string[] Codes = [.. Enumerable.Range(0, 600).Select(code => code.ToString())];

    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _firstToken;
    private readonly Histogram<double> _overhead;
    private readonly Counter<long> _promptTokens;
    private readonly Counter<long> _cachedTokens;
    private readonly Counter<long> _completionTokens;
    private readonly Counter<long> _retries;
    private readonly UpDownCounter<long> _inFlight;

    public RequestTelemetry(Meter meter)
    {
        _requests = meter.CreateCounter<long>("fleetrouter_requests", description: "Requests answered, by pool, outcome and HTTP status.");
        _duration = meter.CreateHistogram("fleetrouter_request_duration", "s", "Time from a request's arrival to the end of its answer.", advice: Latencies);
        _firstToken = meter.CreateHistogram("fleetrouter_time_to_first_token", "s", "Time from a request's arrival to the first byte of its answer's body.", advice: Latencies);
        _overhead = meter.CreateHistogram("fleetrouter_placement_time", "s", "Time from the end of a request's body to its first dispatch, the wait for a budget aside: the router's own share.", advice: Overheads);
        _promptTokens = meter.CreateCounter<long>("fleetrouter_prompt", "tokens", "Prompt tokens, by the engines' count.");
        _cachedTokens = meter.CreateCounter<long>("fleetrouter_prompt_cached", "tokens", "Prompt tokens found in an engine's prefix cache, by the engines' count.");
        _completionTokens = meter.CreateCounter<long>("fleetrouter_completion", "tokens", "Output tokens, by the engines' count.");
        _retries = meter.CreateCounter<long>("fleetrouter_retries", description: "Attempts that followed one without a byte of an answer, by pool and what failed before.");
        _inFlight = meter.CreateUpDownCounter<long>("fleetrouter_requests_in_flight", description: "Requests being served.");
    }

    public void Began() => _inFlight.Add(1);

    public void Retried(string pool, string failure) => _retries.Add(1, new("pool", pool), new("failure", failure));

    public void Placed(TimeSpan took) => _overhead.Record(took.TotalSeconds);

    public void Ended(string pool, string outcome, int status, TimeSpan took, TimeSpan? firstToken, TokenUsage? usage)
    {
        var poolTag = new KeyValuePair<string, object?>("pool", pool);
        _inFlight.Add(-1);
        _requests.Add(1, poolTag, new("outcome", outcome), new("code", Codes[Math.Clamp(status, 0, Codes.Length - 1)]));
        _duration.Record(took.TotalSeconds, poolTag);
        if (firstToken is { } first)
            _firstToken.Record(first.TotalSeconds, poolTag);
        if (usage is null)
            return;
        _promptTokens.Add(usage.PromptTokens, poolTag);
        _cachedTokens.Add(usage.CachedTokens ?? 0, poolTag);
        _completionTokens.Add(usage.CompletionTokens, poolTag);
    }
}
