using System.Buffers.Text;
using FleetRouter.Engines.Prometheus;

namespace FleetRouter.Engines.Vllm;

/// <summary>What the router takes from vLLM's metrics page. Null where the page does not tell.</summary>
/// <remarks>Names moved over the versions (v0 engine to v1, 0.6 to 0.32) and Ray Serve puts <c>ray_</c> before them.
/// Where a page carries a value under a current and an older name, the current one counts. Series of several
/// <c>engine</c> (data-parallel rank) or <c>model_name</c> labels are added up; KV usage is the fullest one's.</remarks>
internal readonly record struct VllmMetrics(
    int? Running,
    int? Waiting,
    double? KvUsage,
    long? KvCapacityTokens,
    long? PrefixQueryTokens,
    long? PrefixHitTokens,
    double? StartedAtSeconds)
{
    /// <summary>Reads a whole page; never throws.</summary>
    public static VllmMetrics Read(ReadOnlySpan<byte> page)
    {
        double? running = null, waiting = null, usage = null, olderUsage = null, startedAt = null, capacity = null;
        double? queries = null, olderQueries = null, hits = null, olderHits = null;
        var reader = new PrometheusReader(page);
        while (reader.Read())
        {
            double value = reader.Value;
            if (!double.IsFinite(value) || value < 0) continue; // "not known" in every family read here
            var name = reader.Name;
            if (name.SequenceEqual("process_start_time_seconds"u8)) startedAt = Larger(startedAt, value);
            if (name.StartsWith("ray_"u8)) name = name[4..];
            if (!name.StartsWith("vllm:"u8)) continue;
            name = name[5..];
            // Whole names only: num_requests_waiting_by_reason begins like num_requests_waiting and would count twice.
            if (name.SequenceEqual("num_requests_running"u8)) running = Sum(running, value);
            else if (name.SequenceEqual("num_requests_waiting"u8)) waiting = Sum(waiting, value);
            else if (name.SequenceEqual("kv_cache_usage_perc"u8)) usage = Larger(usage, value);
            else if (name.SequenceEqual("gpu_cache_usage_perc"u8)) olderUsage = Larger(olderUsage, value);
            else if (IsCounter(name, "prefix_cache_queries"u8)) queries = Sum(queries, value);
            else if (IsCounter(name, "gpu_prefix_cache_queries"u8)) olderQueries = Sum(olderQueries, value);
            else if (IsCounter(name, "prefix_cache_hits"u8)) hits = Sum(hits, value);
            else if (IsCounter(name, "gpu_prefix_cache_hits"u8)) olderHits = Sum(olderHits, value);
            else if (name.SequenceEqual("cache_config_info"u8) && CapacityTokens(reader.Labels) is { } tokens)
                capacity = Sum(capacity, tokens);
        }
        return new VllmMetrics(
            Running: WholeNumber(running, int.MaxValue) is { } r ? (int)r : null,
            Waiting: WholeNumber(waiting, int.MaxValue) is { } w ? (int)w : null,
            KvUsage: (usage ?? olderUsage) is { } share ? Math.Min(share, 1) : null,
            KvCapacityTokens: WholeNumber(capacity, MaxTokens),
            PrefixQueryTokens: WholeNumber(queries ?? olderQueries, MaxTokens),
            PrefixHitTokens: WholeNumber(hits ?? olderHits, MaxTokens),
            StartedAtSeconds: startedAt);
    }

    // Doubles are whole up to here; a larger figure is no count of tokens.
    private const double MaxTokens = 1L << 53;

    private static double Sum(double? sum, double value) => (sum ?? 0) + value;

    private static double Larger(double? largest, double value) => Math.Max(largest ?? value, value);

    private static long? WholeNumber(double? value, double max) => value <= max ? (long)value : null;

    private static bool IsCounter(ReadOnlySpan<byte> name, ReadOnlySpan<byte> family) =>
        name.StartsWith(family) && (name.Length == family.Length || name[family.Length..].SequenceEqual("_total"u8));

    private static double? CapacityTokens(LabelReader labels)
    {
        double? blockSize = null, blocks = null, tokens = null;
        while (labels.Read())
        {
            if (labels.Name.SequenceEqual("block_size"u8)) blockSize = Number(labels.RawValue);
            else if (labels.Name.SequenceEqual("num_gpu_blocks"u8)) blocks = Number(labels.RawValue);
            else if (labels.Name.SequenceEqual("kv_cache_size_tokens"u8)) tokens = Number(labels.RawValue);
        }
        double? capacity = blockSize * blocks ?? tokens;
        return capacity > 0 ? capacity : null; // v1 prints "None" or 0 until the engine has measured its memory
    }

    private static double? Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long number, out int consumed) && consumed == text.Length ? number : null;
}
