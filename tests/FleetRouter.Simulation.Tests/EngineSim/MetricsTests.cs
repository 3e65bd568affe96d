using System.Globalization;
using FleetRouter.EngineSim;

namespace FleetRouter.Simulation.Tests.EngineSim;

public class MetricsTests : EngineSimTest
{
    [Fact]
    public async Task The_page_has_every_family_of_a_recorded_vllm_with_its_type()
    {
        var ours = (await Client.GetStringAsync("/metrics")).Split('\n').Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal))
            .Select(line => line["# TYPE ".Length..]).ToHashSet();
        var recorded = (await File.ReadAllLinesAsync(SharedFiles.Find("fixtures/metrics/vllm_0.26.0_families.txt")))
            .Where(line => line.StartsWith("vllm:", StringComparison.Ordinal))
            // Estimated operations and bytes are all zero in the recordings and say nothing about load.
            .Where(line => !line.StartsWith("vllm:estimated_", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(recorded);
        Assert.Empty(recorded.Except(ours));
    }

    /// <summary>Buckets depend on the model's length for lengths only; the others are those of the recorded page.</summary>
    [Fact]
    public async Task Time_histograms_have_the_recorded_buckets()
    {
        string recorded = await File.ReadAllTextAsync(SharedFiles.Find("fixtures/metrics/vllm_0.28.0_v1_queued_part.prom"));
        string ours = await Client.GetStringAsync("/metrics");
        foreach (string family in new[] { "time_to_first_token_seconds", "inter_token_latency_seconds", "request_time_per_output_token_seconds", "iteration_tokens_total", "request_params_n" })
            Assert.Equal((family, Bounds(recorded, family)), (family, Bounds(ours, family)));
    }

    [Fact]
    public async Task Counters_and_histograms_agree_with_what_was_served()
    {
        for (int i = 0; i < 3; i++)
            await PostAsync("/v1/chat/completions", Chat($"Question {i}", 10));
        await PostAsync("/v1/chat/completions", Chat("Till its end"));
        string page = await Client.GetStringAsync("/metrics");
        int generated = 30 + AnswerTo("Till its end").NaturalLength(Options.Seed);
        Assert.Equal(generated, Value(page, "vllm:generation_tokens_total{"));
        Assert.Equal(3, Value(page, "finished_reason=\"length\"}"));
        Assert.Equal(1, Value(page, "vllm:request_success_total{engine=\"0\",model_name=\"sim/llama-3.1-8b\",finished_reason=\"stop\"}"));
        Assert.Equal(4, Value(page, "vllm:time_to_first_token_seconds_count{"));
        Assert.Equal(generated - 4, Value(page, "vllm:inter_token_latency_seconds_count{"));
        Assert.Equal(generated, Value(page, "vllm:request_generation_tokens_sum{"));
        Assert.Equal(30, Value(page, "vllm:request_params_max_tokens_sum{"));
        Assert.Equal(0, Value(page, "vllm:num_requests_running{"));
        Assert.Equal(25_243, double.Parse(page.Split("num_gpu_blocks=\"")[1].Split('"')[0], CultureInfo.InvariantCulture));
    }

    private static string Bounds(string page, string family) => string.Join(' ', page.Split('\n')
        .Where(line => line.StartsWith($"vllm:{family}_bucket{{", StringComparison.Ordinal))
        .Select(line => line.Split("le=\"")[1].Split('"')[0]));

    private static double Value(string page, string mark) =>
        double.Parse(page.Split('\n').First(line => !line.StartsWith('#') && line.Contains(mark, StringComparison.Ordinal)).Split(' ')[^1], CultureInfo.InvariantCulture);
}
