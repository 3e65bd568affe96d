using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using FleetRouter.Engines.Vllm;

namespace FleetRouter.Gateway.Tests.Engines;

public sealed class VllmMetricsTests
{
    /// <summary>Every page of a vLLM server, with what stands on it, so that a value read as null is not taken for a pass.</summary>
    [Theory]
    [InlineData("vllm_0.6.0_v0_engine.prom", "running waiting usage capacity started")]
    [InlineData("vllm_0.7_v0_engine_excerpt.prom", "running waiting usage capacity")]
    [InlineData("ray_vllm_2.32_excerpt.prom", "running waiting usage")]
    [InlineData("vllm_0.28.0_v1_queued_part.prom", "running waiting usage capacity queries hits started")]
    public void A_recorded_vllm_page_gives_what_its_lines_say(string page, string told)
    {
        byte[] bytes = RecordedData.Read("metrics/" + page);
        string text = Encoding.Latin1.GetString(bytes);
        var metrics = VllmMetrics.Read(bytes);

        Assert.Equal(Sum(text, "num_requests_running"), metrics.Running);
        Assert.Equal(Sum(text, "num_requests_waiting"), metrics.Waiting);
        Assert.Equal(Values(text, "kv_cache_usage_perc").Concat(Values(text, "gpu_cache_usage_perc")).Cast<double?>().FirstOrDefault(), metrics.KvUsage);
        Assert.Equal(Sum(text, "prefix_cache_queries_total"), metrics.PrefixQueryTokens);
        Assert.Equal(Sum(text, "prefix_cache_hits_total"), metrics.PrefixHitTokens);
        var config = Regex.Match(text, "cache_config_info\\{.*[{,]block_size=\"(\\d+)\".*[{,]num_gpu_blocks=\"(\\d+)\"");
        if (!config.Success) config = Regex.Match(text, "cache_config_info\\{block_size=\"(\\d+)\".*[{,]num_gpu_blocks=\"(\\d+)\"");
        Assert.Equal(config.Success ? long.Parse(config.Groups[1].Value) * long.Parse(config.Groups[2].Value) : null, metrics.KvCapacityTokens);
        var started = Regex.Match(text, @"^process_start_time_seconds (\S+)$", RegexOptions.Multiline);
        Assert.Equal(started.Success ? double.Parse(started.Groups[1].Value, CultureInfo.InvariantCulture) : null, metrics.StartedAtSeconds);
        Assert.Equal(told, Told(metrics));
    }

    [Fact]
    public void Every_recorded_vllm_page_is_in_the_list_above()
    {
        var pages = RecordedData.MetricsPages().Select(page => Path.GetFileName(page)!).Where(page => page.Contains("vllm") && page.EndsWith(".prom", StringComparison.Ordinal));
        Assert.Equal(["ray_vllm_2.32_excerpt.prom", "vllm_0.28.0_v1_queued_part.prom", "vllm_0.6.0_v0_engine.prom", "vllm_0.7_v0_engine_excerpt.prom"], pages);
    }

    /// <summary>Families of pages that may not be copied: each name the reader knows under v1 is one the server prints.</summary>
    [Theory]
    [InlineData("vllm_0.25.1_families_facts.txt")]
    [InlineData("vllm_0.26.0_families.txt")]
    public void The_families_of_a_live_server_are_known_by_name(string page)
    {
        string names = Encoding.UTF8.GetString(RecordedData.Read("metrics/" + page));
        var printed = Regex.Matches(names, @"^(vllm:\S+) \w+", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        string synthetic = string.Join('\n', printed.Select(name => $"{name}{{engine=\"0\",block_size=\"16\",num_gpu_blocks=\"10\"}} 1"));
        Assert.Equal("running waiting usage capacity queries hits", Told(VllmMetrics.Read(Encoding.UTF8.GetBytes(synthetic))));
        Assert.Equal(1, VllmMetrics.Read(Encoding.UTF8.GetBytes(synthetic)).Waiting);
    }

    [Theory]
    [InlineData("sglang_0.4_docs.prom")]
    [InlineData("ik_llama_cpp_2025-08.prom")]
    [InlineData("tgi_families_documented.txt")]
    [InlineData("dcgm_exporter_l4_under_load.prom")]
    [InlineData("node_exporter_power.prom")]
    public void A_page_of_another_server_tells_nothing_and_is_no_error(string page) =>
        Assert.Equal("", Told(VllmMetrics.Read(RecordedData.Read("metrics/" + page))));

    [Fact]
    public void Ranks_and_models_are_summed_and_usage_is_the_fullest_ones()
    {
        var metrics = Read("""
            vllm:num_requests_running{engine="0",model_name="a"} 3
            vllm:num_requests_running{engine="1",model_name="a"} 4
            vllm:num_requests_waiting{engine="0",model_name="a"} 1
            vllm:num_requests_waiting{engine="0",model_name="b"} 5
            vllm:num_requests_waiting_by_reason{engine="0",model_name="a",reason="capacity"} 100
            vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.25
            vllm:kv_cache_usage_perc{engine="1",model_name="a"} 0.75
            vllm:prefix_cache_queries_total{engine="0"} 10
            vllm:prefix_cache_queries_total{engine="1"} 20
            vllm:prefix_cache_queries_created{engine="1"} 1.7e9
            vllm:prefix_cache_hits_total{engine="0"} 5
            vllm:prefix_cache_hits_total{engine="1"} 6
            vllm:external_prefix_cache_hits_total{engine="1"} 1000
            vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="100"} 1
            vllm:cache_config_info{block_size="16",engine="1",num_gpu_blocks="200"} 1
            """);
        Assert.Equal(new VllmMetrics(7, 6, 0.75, 4800, 30, 11, null), metrics);
    }

    [Fact]
    public void A_current_name_wins_over_the_older_one_beside_it()
    {
        var metrics = Read("""
            vllm:gpu_cache_usage_perc 0.9
            vllm:kv_cache_usage_perc 0.5
            vllm:gpu_prefix_cache_queries_total 70
            vllm:prefix_cache_queries_total 7
            vllm:gpu_prefix_cache_hits 30
            vllm:prefix_cache_hits 3
            """);
        Assert.Equal(new VllmMetrics(null, null, 0.5, null, 7, 3, null), metrics);
    }

    [Fact]
    public void Older_names_alone_are_read()
    {
        var metrics = Read("""
            ray_vllm:gpu_cache_usage_perc 0.9
            vllm:gpu_prefix_cache_queries_total 70
            vllm:gpu_prefix_cache_hits 30
            """);
        Assert.Equal(new VllmMetrics(null, null, 0.9, null, 70, 30, null), metrics);
    }

    [Theory]
    [InlineData("vllm:num_requests_running NaN")]
    [InlineData("vllm:num_requests_running +Inf")]
    [InlineData("vllm:num_requests_running -1")]
    [InlineData("vllm:num_requests_running 1e30")]
    [InlineData("vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"None\"} 1")]
    [InlineData("vllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"0\"} 1")]
    [InlineData("vllm:cache_config_info{block_size=\"9223372036854775807\",num_gpu_blocks=\"9223372036854775807\"} 1")]
    [InlineData("vllm:prefix_cache_hits_total 1e300")]
    public void A_figure_that_cannot_be_is_null(string line) => Assert.Equal(default, Read(line));

    [Fact]
    public void Capacity_in_tokens_stands_in_for_missing_blocks() =>
        Assert.Equal(55552, Read("vllm:cache_config_info{block_size=\"128\",kv_cache_size_tokens=\"55552\",num_gpu_blocks=\"None\"} 1").KvCapacityTokens);

    [Fact]
    public void Usage_above_one_is_one() => Assert.Equal(1, Read("vllm:kv_cache_usage_perc 1.0000001").KvUsage);

    private static VllmMetrics Read(string page) => VllmMetrics.Read(Encoding.UTF8.GetBytes(page));

    private static string Told(VllmMetrics metrics) => string.Join(' ', new (string Name, object? Value)[]
    {
        ("running", metrics.Running), ("waiting", metrics.Waiting), ("usage", metrics.KvUsage), ("capacity", metrics.KvCapacityTokens),
        ("queries", metrics.PrefixQueryTokens), ("hits", metrics.PrefixHitTokens), ("started", metrics.StartedAtSeconds),
    }.Where(figure => figure.Value is not null).Select(figure => figure.Name));

    private static IEnumerable<double> Values(string page, string name) =>
        Regex.Matches(page, $@"^(?:ray_)?vllm:{name}(?:\{{.*\}})? (\S+)\r?$", RegexOptions.Multiline)
            .Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));

    private static int? Sum(string page, string name) => Values(page, name).ToList() is { Count: > 0 } values ? (int)values.Sum() : null;
}
