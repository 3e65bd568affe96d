using FleetRouter.LoadGen.Measures;
using FleetRouter.LoadGen.Replay;

namespace FleetRouter.LoadGen.Reports;

/// <summary>Computes a report from what a run measured.</summary>
internal static class ReportFigures
{
    private const int TimelineBuckets = 60, CurvePoints = 200;
    private const double LateMs = 20;

    public static ReplayReport Of(ReplayRun run, WorkloadFacts facts, IReadOnlyDictionary<string, int> skippedRows)
    {
        RequestRecord[] all = [.. run.Records], completed = [.. all.Where(record => record.Completed)];
        var seconds = Math.Max(run.Duration.TotalSeconds, 1e-9);
        double[] ttft = Sorted(completed, record => record.TimeToFirstToken!.Value), endToEnd = Sorted(completed, record => record.EndToEnd);
        var lateness = LatencySummary.Of(Sorted(all, record => record.Lateness));
        var met = completed.Count(record => record.TimeToFirstToken!.Value.TotalMilliseconds <= facts.SloTtftMs
            && record.TimePerOutputToken.TotalMilliseconds <= facts.SloItlMs);
        var failures = all.Where(record => record.Failure is not null).ToArray();
        var instances = Instances(all, facts.KnownInstances);
        return new ReplayReport
        {
            Trace = facts.Trace, Format = facts.Format, Seed = facts.Seed, Speed = facts.Speed,
            Endpoint = facts.Endpoint, Target = facts.Target, Model = facts.Model,
            Requests = all.Length,
            Completed = completed.Length,
            Failed = failures.Length,
            Unfinished = all.Count(record => record.Unfinished),
            Abandoned = run.Abandoned,
            Interrupted = run.Interrupted,
            Skipped = Merge(skippedRows, run.Skipped),
            FailuresByKind = new SortedDictionary<string, int>(failures.GroupBy(r => r.Failure!).ToDictionary(g => g.Key, g => g.Count()), StringComparer.Ordinal),
            DurationS = run.Duration.TotalSeconds,
            OfferedRps = Offered(all),
            CompletedRps = completed.Length / seconds,
            TtftMs = LatencySummary.Of(ttft),
            ItlMs = run.Gaps.Summary(),
            E2eMs = LatencySummary.Of(endToEnd),
            SenderLatenessMs = lateness,
            Slo = new SloReport(facts.SloTtftMs, facts.SloItlMs, met, all.Length == 0 ? 0 : (double)met / all.Length),
            GoodputRps = met / seconds,
            PromptTokens = Sum(completed, record => record.PromptTokens),
            CachedTokens = Sum(completed, record => record.CachedTokens),
            CompletionTokens = Sum(completed, Answered),
            TokensPerS = Sum(completed, Answered) / seconds,
            CacheHitTokenShare = CachedShare(completed),
            LoadCv = LoadCv(instances),
            PerInstance = instances,
            Timeline = Timeline(all, run.Duration),
            Warnings = [.. Warnings(completed, lateness)],
            Curves = new ReportCurves(Curve(ttft), Curve(run.Gaps), Curve(endToEnd)),
        };
    }

    private static IEnumerable<string> Warnings(RequestRecord[] completed, LatencySummary? lateness)
    {
        if (lateness is { P99: > LateMs })
            yield return FormattableString.Invariant($"requests were sent late (p99 {lateness.P99:0} ms): this machine could not keep up, so the latencies hold its own delay");
        if (completed.Count(record => record.CompletionTokens is null) is > 0 and var without)
            yield return $"{without} answers came without usage: their tokens are counted by chunks, their prompts not at all";
        if (completed.Length > 0 && completed.All(record => record.CachedTokens is null))
            yield return "no answer told its cached tokens (vLLM: --enable-prompt-tokens-details)";
        if (completed.Length > 0 && completed.All(record => record.Instance == RequestRecord.UnknownInstance))
            yield return "no answer named the instance that served it: no balance can be told";
    }

    private static double? Offered(RequestRecord[] all)
    {
        if (all.Length < 2) return null;
        var span = (all.Max(record => record.Scheduled) - all.Min(record => record.Scheduled)).TotalSeconds;
        return span > 0 ? (all.Length - 1) / span : null;
    }

    // An engine that leaves the details out of one answer means 0 there, if it gives them in any.
    private static double? CachedShare(IReadOnlyCollection<RequestRecord> completed)
    {
        var prompts = Sum(completed, record => record.PromptTokens);
        return prompts == 0 || completed.All(record => record.CachedTokens is null) ? null : (double)Sum(completed, record => record.CachedTokens) / prompts;
    }

    private static InstanceReport[] Instances(RequestRecord[] all, IReadOnlyList<string> known)
    {
        var served = all.Where(record => record.Instance != RequestRecord.UnknownInstance).ToLookup(record => record.Instance);
        return [.. served.Select(group => group.Key).Union(known).Order(StringComparer.Ordinal).Select(name =>
        {
            RequestRecord[] of = [.. served[name]], completed = [.. of.Where(record => record.Completed)];
            var ttft = LatencySummary.Of(Sorted(completed, record => record.TimeToFirstToken!.Value));
            return new InstanceReport(name, of.Length, of.Count(record => record.Failure is not null), Sum(completed, record => record.PromptTokens),
                Sum(completed, record => record.CachedTokens), Sum(completed, Answered), ttft?.P50, ttft?.P99);
        })];
    }

    private static double? LoadCv(InstanceReport[] instances)
    {
        if (instances.Length == 0) return null;
        double[] loads = [.. instances.Select(instance => (double)(instance.PromptTokens + instance.CompletionTokens))];
        var mean = loads.Average();
        return mean == 0 ? null : Math.Sqrt(loads.Average(load => (load - mean) * (load - mean))) / mean;
    }

    private static TimelineBucket[] Timeline(RequestRecord[] all, TimeSpan duration)
    {
        if (all.Length == 0) return [];
        var width = Math.Max(duration.TotalSeconds / TimelineBuckets, 1e-3);
        var byBucket = all.ToLookup(record => Math.Min((int)(record.Scheduled.TotalSeconds / width), TimelineBuckets - 1));
        var tokens = Throughput(all, width);
        return [.. Enumerable.Range(0, TimelineBuckets).Select(i =>
        {
            RequestRecord[] of = [.. byBucket[i]], completed = [.. of.Where(record => record.Completed)];
            var ttft = LatencySummary.Of(Sorted(completed, record => record.TimeToFirstToken!.Value));
            return new TimelineBucket(i * width, (i + 1) * width, of.Length, completed.Length, of.Count(record => record.Failure is not null),
                ttft?.P50, ttft?.P90, tokens[i] / width, CachedShare(completed));
        })];
    }

    // An answer's tokens are spread evenly from its first token to its last.
    private static double[] Throughput(RequestRecord[] all, double width)
    {
        var tokens = new double[TimelineBuckets];
        foreach (var record in all.Where(record => record.Completed))
        {
            var (from, to) = (record.FirstToken!.Value.TotalSeconds, Math.Max(record.LastToken.TotalSeconds, record.FirstToken!.Value.TotalSeconds + 1e-6));
            var rate = (Answered(record) ?? 0) / (to - from);
            for (var i = Math.Min((int)(from / width), TimelineBuckets - 1); i < TimelineBuckets; i++)
            {
                var inside = Math.Min(to, i == TimelineBuckets - 1 ? double.MaxValue : (i + 1) * width) - Math.Max(from, i * width);
                if (inside <= 0) break;
                tokens[i] += rate * inside;
            }
        }
        return tokens;
    }

    private static int? Answered(RequestRecord record) => record.CompletionTokens ?? record.TextChunks;

    private static CurvePoint[] Curve(double[] sorted) => sorted.Length == 0 ? [] :
        [.. Shares().Select(share => new CurvePoint(LatencySummary.NearestRank(sorted, share), share))];

    private static CurvePoint[] Curve(GapHistogram gaps) => gaps.Count == 0 ? [] :
        [.. Shares().Select(share => new CurvePoint(gaps.Percentile(share), share))];

    private static IEnumerable<double> Shares() => Enumerable.Range(0, CurvePoints + 1).Select(i => (double)i / CurvePoints).Append(0.999).Order();

    private static double[] Sorted(RequestRecord[] records, Func<RequestRecord, TimeSpan> of) =>
        [.. records.Select(record => of(record).TotalMilliseconds).Order()];

    private static long Sum(IEnumerable<RequestRecord> records, Func<RequestRecord, int?> of) => records.Sum(record => (long)(of(record) ?? 0));

    private static SortedDictionary<string, int> Merge(IReadOnlyDictionary<string, int> rows, IReadOnlyDictionary<string, int> requests)
    {
        var merged = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var (reason, count) in rows.Concat(requests)) merged[reason] = merged.GetValueOrDefault(reason) + count;
        return merged;
    }
}
