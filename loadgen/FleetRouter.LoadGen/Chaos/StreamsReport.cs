using FleetRouter.LoadGen.Measures;
using FleetRouter.LoadGen.Reports;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;
using Spectre.Console;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>Two percentiles, milliseconds; null where nothing was measured.</summary>
internal sealed record Percentiles(double? P50, double? P99);

/// <summary>Percentiles and the largest, milliseconds.</summary>
internal sealed record GapFigures(double? P50, double? P99, double? Max);

/// <summary>What a run of streams under faults found. The names are the JSON's, in snake_case.</summary>
internal sealed record StreamsReport
{
    public required ulong Seed { get; init; }
    public required int Streams { get; init; }
    public required double DurationS { get; init; }
    public required int Completed { get; init; }
    public required int Cancelled { get; init; }
    public required int RefusedByName { get; init; }
    public required int LostTokens { get; init; }
    public required int DuplicatedTokens { get; init; }
    public required int WrongTokens { get; init; }
    public required int ClientErrors { get; init; }
    public required int Malformed { get; init; }

    /// <summary>Leases the gateway holds after the last answer.</summary>
    public required int LeasesLeft { get; init; }

    /// <summary>Requests engines have after the last answer.</summary>
    public required int EngineRequestsLeft { get; init; }

    public required int Resumes { get; init; }
    public required IReadOnlyDictionary<string, double> ResumesByReason { get; init; }
    public required int Migrations { get; init; }
    public required int Retries { get; init; }
    /// <summary>Of answers whose engine broke off: from the last token of one engine to the first of the next.</summary>
    public required Percentiles ResumeGapMs { get; init; }

    /// <summary>Of answers whose engine fell silent: the time until that counts as a break is part of it.</summary>
    public required Percentiles StallGapMs { get; init; }

    public required double ResumeGapBoundMs { get; init; }
    public required Percentiles MigrationGapMs { get; init; }
    public required double? MigrationGapBoundMs { get; init; }

    /// <summary>The same in each answer's own times between tokens: an engine that is slow has longer ones.</summary>
    public required Percentiles MigrationGapTokens { get; init; }

    /// <summary>Between two pieces of text, all streams.</summary>
    public required GapFigures ClientGapMs { get; init; }

    /// <summary>The largest of each stream.</summary>
    public required GapFigures LargestGapMs { get; init; }

    /// <summary>One cached prefill of the longest prompt, a term of the resume bound.</summary>
    public required double CachedPrefillMs { get; init; }

    public required IReadOnlyDictionary<string, int> Faults { get; init; }
    public required bool DrainsRefused { get; init; }
    public required bool Holds { get; init; }

    /// <summary>One network round trip on this machine, generously: what a migration may add to two inter-token times.</summary>
    private const double RoundTripMs = 1;

    /// <summary>What a resume may take beside one cached prefill.</summary>
    private const double ResumeAllowanceMs = 250;

    private const int Told = 8, Kept = 100;

    /// <summary>The first streams that are not right, in full.</summary>
    public IReadOnlyList<string> NotRight => [.. Differences.OrderByDescending(Weight).ThenBy(verdict => verdict.Request.Number).Take(Kept).Select(verdict => verdict.Detail(Seed))];

    private IReadOnlyList<Verdict> Differences { get; init; } = [];

    private IReadOnlyDictionary<string, int> ErrorsByText { get; init; } = new Dictionary<string, int>();

    public static StreamsReport Of(
        StreamsSettings settings, IReadOnlyList<Verdict> verdicts, GapHistogram gaps, MetricsReading metrics, FaultSchedule faults, int leases, int work, TimeSpan duration)
    {
        int Sum(Func<Verdict, int> of) => verdicts.Sum(of);
        double[] largest = [.. verdicts.Where(verdict => verdict.LargestGap > TimeSpan.Zero).Select(verdict => verdict.LargestGap.TotalMilliseconds).Order()];
        var summary = gaps.Summary();
        var prefill = CachedPrefill(settings, verdicts.Count == 0 ? BlockHash.BlockSize : verdicts.Max(verdict => verdict.Request.Expected.Prompt.Length + verdict.Request.Expected.Tokens.Length));
        var errors = verdicts.Where(verdict => verdict.ClientError is not null).GroupBy(verdict => verdict.ClientError!);
        var report = new StreamsReport
        {
            Seed = settings.Seed, Streams = verdicts.Count, DurationS = Math.Round(duration.TotalSeconds, 1),
            Completed = verdicts.Count(verdict => verdict is { IsRight: true, Cancelled: false, RefusedByName: false }),
            Cancelled = verdicts.Count(verdict => verdict.Cancelled), RefusedByName = verdicts.Count(verdict => verdict.RefusedByName),
            LostTokens = Sum(verdict => verdict.Difference.Lost), DuplicatedTokens = Sum(verdict => verdict.Difference.Duplicated),
            WrongTokens = Sum(verdict => verdict.Difference.Wrong), ClientErrors = verdicts.Count(verdict => verdict.ClientError is not null),
            Malformed = verdicts.Count(verdict => verdict.Malformed.Count > 0), LeasesLeft = leases, EngineRequestsLeft = work,
            Resumes = (int)metrics.Sum("fleetrouter_resumes_total"), ResumesByReason = metrics.SumBy("fleetrouter_resumes_total", "reason"),
            Migrations = (int)metrics.Sum("fleetrouter_migrations_total"), Retries = (int)metrics.Sum("fleetrouter_retries_total"),
            ResumeGapMs = ResumeGaps(metrics, reason => reason is not ("stalled" or "moved" or "migrated")),
            StallGapMs = ResumeGaps(metrics, reason => reason == "stalled"),
            ResumeGapBoundMs = Math.Round(prefill + ResumeAllowanceMs, 1),
            MigrationGapMs = ResumeGaps(metrics, reason => reason == "migrated"), MigrationGapBoundMs = 2 * summary?.P50 + RoundTripMs,
            MigrationGapTokens = Quantiles(metrics, "fleetrouter_migration_gap_tokens", 1, "pool", _ => true),
            ClientGapMs = new GapFigures(summary?.P50, summary?.P99, summary?.Max),
            LargestGapMs = largest.Length == 0 ? new GapFigures(null, null, null) : new GapFigures(LatencySummary.NearestRank(largest, 0.5), LatencySummary.NearestRank(largest, 0.99), largest[^1]),
            CachedPrefillMs = Math.Round(prefill, 1), Faults = new SortedDictionary<string, int>(faults.Counts.ToDictionary()), DrainsRefused = faults.DrainsRefused,
            Holds = false,
            Differences = [.. verdicts.Where(verdict => !verdict.IsRight)],
            ErrorsByText = errors.ToDictionary(group => group.Key, group => group.Count()),
        };
        var enough = !settings.Faults || report.Resumes >= Math.Min(1000, settings.Streams / 5);
        return report with { Holds = enough && report is { LostTokens: 0, DuplicatedTokens: 0, WrongTokens: 0, ClientErrors: 0, Malformed: 0, LeasesLeft: 0, EngineRequestsLeft: 0 } && verdicts.Count == settings.Streams };
    }

    public void Write()
    {
        var console = TableReport.Console();
        var table = new Table().Border(TableBorder.Rounded).AddColumn(new TableColumn("").NoWrap()).AddColumn(new TableColumn("found").RightAligned()).AddColumn(new TableColumn("bound").RightAligned());
        foreach (var (label, found, bound) in Rows()) table.AddRow(new Text(label), new Text(found), new Text(bound));
        console.Write(table);
        var plain = console.Profile.Out.Writer;
        foreach (var (error, count) in ErrorsByText.OrderByDescending(pair => pair.Value).Take(Told)) plain.WriteLine($"client error: {count} x {error}");
        if (DrainsRefused) plain.WriteLine("drains were left out: the gateway's admin API took none");
        if (Differences.Count == 0) return;
        plain.WriteLine($"\nthe first of {Differences.Count} streams that are not right; --only NUMBER runs one alone:");
        foreach (var detail in NotRight.Take(Told)) plain.WriteLine(detail);
    }

    private IEnumerable<(string Label, string Found, string Bound)> Rows() =>
    [
        ("streams: right / cancelled by plan / refused by name", $"{Completed} / {Cancelled} / {RefusedByName}", ""),
        ("lost / duplicated / wrong tokens", $"{LostTokens} / {DuplicatedTokens} / {WrongTokens}", "0 / 0 / 0"),
        ("client errors / malformed streams", $"{ClientErrors} / {Malformed}", "0 / 0"),
        ("leases / engine requests left over", $"{LeasesLeft} / {EngineRequestsLeft}", "0 / 0"),
        ("resumes", $"{Resumes}{(ResumesByReason.Count == 0 ? "" : $" ({string.Join(", ", ResumesByReason.Select(reason => $"{reason.Value:0} {reason.Key}"))})")}", $">= {Math.Min(1000, Streams / 5)}"),
        ("migrations / retries before the first byte", $"{Migrations} / {Retries}", ""),
        ("resume gap p50 / p99", Gap(ResumeGapMs), FormattableString.Invariant($"{ResumeGapBoundMs:0} ms = cached prefill {CachedPrefillMs:0} + {ResumeAllowanceMs:0}")),
        ("resume gap after a stall p50 / p99", Gap(StallGapMs), ""),
        ("migration gap p50 / p99", Gap(MigrationGapMs), MigrationGapBoundMs is null ? "" : FormattableString.Invariant($"{MigrationGapBoundMs:0} ms = 2 x {ClientGapMs.P50:0.0} + round trip {RoundTripMs:0}")),
        ("  in its own inter-token times p50 / p99", MigrationGapTokens.P99 is null ? "n/a" : FormattableString.Invariant($"{MigrationGapTokens.P50:0.0} / {MigrationGapTokens.P99:0.0}"), FormattableString.Invariant($"2 + round trip {RoundTripMs / ClientGapMs.P50:0.0}")),
        ("client's gaps p50 / p99 / max", $"{TableReport.Ms(ClientGapMs.P50)} / {TableReport.Ms(ClientGapMs.P99)} / {TableReport.Ms(ClientGapMs.Max)}", ""),
        ("largest gap of each stream p50 / p99 / max", $"{TableReport.Ms(LargestGapMs.P50)} / {TableReport.Ms(LargestGapMs.P99)} / {TableReport.Ms(LargestGapMs.Max)}", ""),
        ("faults", string.Join(", ", Faults.Where(fault => fault.Value > 0).Select(fault => $"{fault.Value} {fault.Key}")), ""),
        ("duration", FormattableString.Invariant($"{DurationS:0.0} s, seed {Seed}"), ""),
    ];

    // What is worst is told first.
    private static int Weight(Verdict verdict) =>
        verdict.Difference != TextDifference.None ? 2 : verdict.Malformed.Count > 0 ? 1 : 0;

    private static string Gap(Percentiles of) => of.P99 is null ? "n/a" : $"{TableReport.Ms(of.P50)} / {TableReport.Ms(of.P99)}";

    private static Percentiles ResumeGaps(MetricsReading metrics, Func<string, bool> ofReason) => Quantiles(metrics, "fleetrouter_resume_gap_seconds", 1000, "reason", ofReason);

    private static Percentiles Quantiles(MetricsReading metrics, string metric, double factor, string label, Func<string, bool> of) =>
        new(factor * metrics.Quantile(metric, 0.5, label, of), factor * metrics.Quantile(metric, 0.99, label, of));

    /// <summary>The wall time an idle stand-in takes from a request to its first token where all but the prompt's last block is cached.</summary>
    private static double CachedPrefill(StreamsSettings settings, int tokens)
    {
        var profile = EngineProfile.Named(StreamsSettings.Profile);
        var cached = Math.Max(0, (tokens - 1) / BlockHash.BlockSize * BlockHash.BlockSize);
        return (profile.IdlePrefill(cached, tokens) + profile.ApiDelay).TotalMilliseconds / settings.TimeScale;
    }
}
