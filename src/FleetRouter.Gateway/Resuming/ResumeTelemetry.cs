using System.Diagnostics.Metrics;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Counts answers that went on elsewhere, and what their clients saw of it.</summary>
internal sealed class ResumeTelemetry
{
    private static readonly InstrumentAdvice<double> Gaps = new()
    {
        HistogramBucketBoundaries = [0.01, 0.0125, 0.015, 0.0175, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2, 4, 8, 16, 32],
    };

    private static readonly InstrumentAdvice<double> TokenTimes = new() { HistogramBucketBoundaries = [0.5, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 4, 8, 16] };

    private readonly Counter<long> _resumes;
    private readonly Counter<long> _given;
    private readonly Counter<long> _migrations;
    private readonly Counter<long> _hedges;
    private readonly Histogram<double> _gap;
    private readonly Histogram<double> _migrationGap;

    public ResumeTelemetry(Meter meter)
    {
        _resumes = meter.CreateCounter<long>("fleetrouter_resumes", description: "Answers that went on with another engine in mid-stream, by pool and reason.");
        _given = meter.CreateCounter<long>("fleetrouter_answers_broken", description: "Answers that began and could not go on, by pool and why.");
        _migrations = meter.CreateCounter<long>("fleetrouter_migrations", description: "Running answers carried over to another instance, by pool and outcome.");
        _hedges = meter.CreateCounter<long>("fleetrouter_hedges", description: "Requests asked of a second engine too for their first token, by pool and by whether that one won, lost or failed.");
        _gap = meter.CreateHistogram("fleetrouter_resume_gap", "s", "From the last token of one engine to the first of the next, by pool and reason, as the client sees it.", advice: Gaps);
        _migrationGap = meter.CreateHistogram("fleetrouter_migration_gap_tokens", description: "The pause of an answer carried over to another engine, in the times between its tokens before, by pool.", advice: TokenTimes);
    }

    /// <summary>An answer went on.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="reason">Why it had to.</param>
    /// <param name="gap">From its last token before to the first after; null where there was none before.</param>
    public void Resumed(string pool, string reason, TimeSpan? gap)
    {
        _resumes.Add(1, new("pool", pool), new("reason", reason));
        if (gap is { } seen)
            _gap.Record(seen.TotalSeconds, new("pool", pool), new KeyValuePair<string, object?>("reason", reason));
    }

    /// <summary>An answer carried over has its first token there.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="gap">From its last token before.</param>
    /// <param name="interToken">Mean time between its tokens before.</param>
    public void CarriedOver(string pool, TimeSpan gap, TimeSpan interToken) => _migrationGap.Record(gap / interToken, new KeyValuePair<string, object?>("pool", pool));

    /// <summary>Carrying an answer over came to an end.</summary>
    public void Migrated(string pool, bool isDone) => _migrations.Add(1, new("pool", pool), new("outcome", isDone ? "done" : "given-up"));

    /// <summary>Of two engines asked for a first token one is left; the outcome is the second's: won, lost or failed.</summary>
    public void Hedged(string pool, string outcome) => _hedges.Add(1, new("pool", pool), new("outcome", outcome));

    /// <summary>An answer broke off for good.</summary>
    public void GivenUp(string pool, string why) => _given.Add(1, new("pool", pool), new("why", why));
}
