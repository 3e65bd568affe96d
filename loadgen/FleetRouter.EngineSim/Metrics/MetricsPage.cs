using System.Globalization;
using System.Text;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Metrics;

/// <summary>The /metrics page: the families of vLLM 0.26 and later under their names, each counter and histogram with its <c>_created</c> gauge.</summary>
internal sealed class MetricsPage
{
    private readonly StringBuilder _page = new(32 * 1024);
    private readonly string _labels;
    private readonly string _created;

    private MetricsPage(string model, DateTimeOffset created)
    {
        _labels = $"engine=\"0\",model_name=\"{Escaped(model)}\"";
        _created = Number(created.ToUnixTimeMilliseconds() / 1000.0);
    }

    /// <summary>Writes the page; called with the engine's lock held.</summary>
    public static string Of(EngineModel engine, EngineMetrics metrics, EngineSimOptions options)
    {
        var page = new MetricsPage(options.Model, metrics.Created);
        page.ProcessStart();
        var count = engine.Counters;
        page.Gauge("num_requests_running", "Number of requests in model execution batches.", engine.Running);
        page.Gauge("num_requests_waiting", "Number of requests waiting to be processed.", engine.Waiting);
        page.Family("num_requests_waiting_by_reason", "gauge", "Number of waiting requests by reason.");
        page.Sample("num_requests_waiting_by_reason", engine.Waiting, "reason=\"capacity\"");
        page.Sample("num_requests_waiting_by_reason", 0, "reason=\"deferred\"");
        page.Family("engine_sleep_state", "gauge", "Engine sleep state; awake = 1 means engine is awake.");
        page.Sample("engine_sleep_state", 1, "sleep_state=\"awake\"");
        page.Sample("engine_sleep_state", 0, "sleep_state=\"weights_offloaded\"");
        page.Sample("engine_sleep_state", 0, "sleep_state=\"discard_all\"");
        page.Gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", engine.UsedBlocks / (double)engine.KvBlocks);
        page.Counter("prefix_cache_queries", "Prefix cache queries, in terms of number of queried tokens.", count.PrefixQueries);
        page.Counter("prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.", count.PrefixHits);
        page.Counter("external_prefix_cache_queries", "External prefix cache queries from KV connector, in tokens.", 0);
        page.Counter("external_prefix_cache_hits", "External prefix cache hits from KV connector, in tokens.", 0);
        page.Counter("mm_cache_queries", "Multi-modal cache queries, in terms of number of queried items.", 0);
        page.Counter("mm_cache_hits", "Multi-modal cache hits, in terms of number of cached items.", 0);
        page.Counter("num_preemptions", "Cumulative number of preemption from the engine.", count.Preemptions);
        page.Counter("prompt_tokens", "Number of prefill tokens processed.", count.PromptTokens);
        page.Counters("prompt_tokens_by_source", "Number of prompt tokens by source.",
            ("source=\"local_compute\"", count.PromptTokens - count.CachedPromptTokens),
            ("source=\"local_cache_hit\"", count.CachedPromptTokens),
            ("source=\"external_kv_transfer\"", 0));
        page.Counter("prompt_tokens_cached", "Number of cached prompt tokens (local + external).", count.CachedPromptTokens);
        page.Counter("generation_tokens", "Number of generation tokens processed.", count.GeneratedTokens);
        page.Counters("request_success", "Count of successfully processed requests.",
            [.. metrics.Successes.Select(pair => ($"finished_reason=\"{pair.Key}\"", pair.Value))]);
        page.Counters("admission_rejections", "Count of requests rejected at admission.",
            [.. metrics.Rejections.Select(pair => ($"reason=\"{pair.Key}\"", pair.Value))]);
        page.Histogram("request_prompt_tokens", "Number of prefill tokens processed.", metrics.PromptTokens);
        page.Histogram("request_generation_tokens", "Number of generation tokens processed.", metrics.GeneratedTokens);
        page.Histogram("iteration_tokens_total", "Histogram of number of tokens per engine_step.", metrics.StepTokens);
        page.Histogram("request_max_num_generation_tokens", "Histogram of maximum number of requested generation tokens.", metrics.MaxGeneratedTokens);
        page.Histogram("request_params_n", "Histogram of the n request parameter.", metrics.ParamsN);
        page.Histogram("request_params_max_tokens", "Histogram of the max_tokens request parameter.", metrics.ParamsMaxTokens);
        page.Histogram("time_to_first_token_seconds", "Histogram of time to first token in seconds.", metrics.FirstToken);
        page.Histogram("inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", metrics.TokenGap);
        page.Histogram("request_time_per_output_token_seconds", "Histogram of time_per_output_token_seconds per request.", metrics.TimePerToken);
        page.Histogram("e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", metrics.EndToEnd);
        page.Histogram("request_queue_time_seconds", "Histogram of time spent in WAITING phase for request.", metrics.Queue);
        page.Histogram("request_inference_time_seconds", "Histogram of time spent in RUNNING phase for request.", metrics.Inference);
        page.Histogram("request_prefill_time_seconds", "Histogram of time spent in PREFILL phase for request.", metrics.Prefill);
        page.Histogram("request_decode_time_seconds", "Histogram of time spent in DECODE phase for request.", metrics.Decode);
        page.Histogram("request_prefill_kv_computed_tokens", "Histogram of new KV tokens computed during prefill (excluding cached tokens).", metrics.PrefillComputed);
        page.Family("cache_config_info", "gauge", "Information of the LLMEngine CacheConfig");
        page.Sample("cache_config_info", 1, string.Create(CultureInfo.InvariantCulture,
            $"block_size=\"{BlockHash.BlockSize}\",cache_dtype=\"auto\",enable_prefix_caching=\"True\",gpu_memory_utilization=\"0.9\",kv_cache_size_tokens=\"{engine.KvBlocks * (long)BlockHash.BlockSize}\",num_gpu_blocks=\"{engine.KvBlocks}\",prefix_caching_hash_algo=\"sha256\""));
        if (options.LoraModules.Count > 0)
            page.Loras(options);
        return page._page.ToString();
    }

    private void ProcessStart() => _page.Append("# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n")
        .Append("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds ").Append(_created).Append('\n');

    private void Loras(EngineSimOptions options)
    {
        Family("lora_requests_info", "gauge", "Running stats on lora requests.");
        double now = options.Time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        _page.Append(CultureInfo.InvariantCulture,
            $"vllm:lora_requests_info{{max_lora=\"{options.LoraModules.Count}\",running_lora_adapters=\"\",waiting_lora_adapters=\"\"}} {Number(now)}\n");
    }

    private void Family(string name, string type, string help) =>
        _page.Append(CultureInfo.InvariantCulture, $"# HELP vllm:{name} {help}\n# TYPE vllm:{name} {type}\n");

    private void Gauge(string name, string help, double value)
    {
        Family(name, "gauge", help);
        Sample(name, value);
    }

    private void Counter(string name, string help, long value) => Counters(name, help, ("", value));

    private void Counters(string name, string help, params (string Label, long Value)[] series)
    {
        Family(name + "_total", "counter", help);
        foreach (var (label, value) in series)
            Sample(name + "_total", value, label);
        Family(name + "_created", "gauge", help);
        foreach (var (label, _) in series)
            Line(name + "_created", _created, label);
    }

    private void Histogram(string name, string help, Histogram histogram)
    {
        Family(name, "histogram", help);
        long sum = 0;
        for (int i = 0; i < histogram.Counts.Count; i++)
        {
            sum += histogram.Counts[i];
            string bound = i < histogram.Bounds.Count ? Number(histogram.Bounds[i]) : "+Inf";
            Sample(name + "_bucket", sum, $"le=\"{bound}\"");
        }
        Sample(name + "_count", sum);
        Sample(name + "_sum", histogram.Sum);
        Family(name + "_created", "gauge", help);
        Line(name + "_created", _created, "");
    }

    private void Sample(string name, double value, string label = "") => Line(name, Number(value), label);

    private void Line(string name, string value, string label)
    {
        _page.Append("vllm:").Append(name).Append('{').Append(_labels);
        if (label.Length > 0)
            _page.Append(',').Append(label);
        _page.Append("} ").Append(value).Append('\n');
    }

    private static string Number(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().ContainsAny('.', 'E', 'N') ? text.Replace("E", "e", StringComparison.Ordinal) : text + ".0";
    }

    private static string Escaped(string label) =>
        label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
