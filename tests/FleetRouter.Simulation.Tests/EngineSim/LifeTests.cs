using FleetRouter.EngineSim;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Tests.EngineSim;

public class LifeTests : EngineSimTest
{
    protected override EngineSimOptions Options => new() { TimeScale = 20, Limits = new EngineLimits { MaxSequences = 2, MaxQueuedRequests = 2 } };

    [Fact]
    public async Task A_client_that_leaves_frees_its_blocks()
    {
        var response = await StartStreamAsync("/v1/chat/completions", Chat("Long", 100_000, stream: true));
        await Engine.WhenRunningAsync(1);
        Assert.True(Engine.UsedBlocks > 0);
        response.Dispose();
        await Engine.WhenAbortedAsync(1);
        await Engine.WhenIdleAsync();
        Assert.Equal((0, 0, 0), (Engine.Running, Engine.Waiting, Engine.UsedBlocks));
        Assert.Contains("finished_reason=\"abort\"} 1.0", await Client.GetStringAsync("/metrics"));
    }

    [Fact]
    public async Task An_unstreamed_call_that_is_cancelled_is_aborted_too()
    {
        using var leave = new CancellationTokenSource();
        var call = Client.PostAsync("/v1/chat/completions", System.Net.Http.Json.JsonContent.Create(Chat("Long", 100_000)), leave.Token);
        await Engine.WhenRunningAsync(1);
        await leave.CancelAsync();
        await Engine.WhenAbortedAsync(1);
        await Engine.WhenIdleAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task A_full_queue_answers_503_and_counts_it()
    {
        var streams = new List<HttpResponseMessage>();
        for (int i = 0; i < 4; i++)
        {
            streams.Add(await StartStreamAsync("/v1/chat/completions", Chat($"Long {i}", 100_000, stream: true)));
            await (i < 2 ? Engine.WhenRunningAsync(i + 1) : Engine.WhenWaitingAsync(i - 1));
        }
        var (status, body) = await PostAsync("/v1/chat/completions", Chat("One too many", 1));
        Assert.Equal((503, "ServiceUnavailableError"), (status, body.GetProperty("error").GetProperty("type").GetString()));
        string metrics = await Client.GetStringAsync("/metrics");
        Assert.Contains("vllm:num_requests_running{engine=\"0\",model_name=\"sim/llama-3.1-8b\"} 2.0", metrics);
        Assert.Contains("vllm:num_requests_waiting{engine=\"0\",model_name=\"sim/llama-3.1-8b\"} 2.0", metrics);
        Assert.Contains("reason=\"max_queued_requests\"} 1.0", metrics);
        Assert.Equal("""{"server_load":4}""", await Client.GetStringAsync("/load"));
        streams.ForEach(stream => stream.Dispose());
        await Engine.WhenAbortedAsync(4);
        await Engine.WhenIdleAsync();
    }

    [Fact]
    public async Task Dozens_of_engines_run_in_one_process_each_with_its_own_cache()
    {
        await using var fleet = await EngineFleet.StartAsync(new() { Count = 32, TimeScale = 100 });
        Assert.Equal(32, fleet.Addresses.Select(address => address.Port).Distinct().Count());
        await Task.WhenAll(fleet.Instances.Select(async instance =>
        {
            using var client = new HttpClient { BaseAddress = instance.Address };
            using var response = await System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(client, "/v1/chat/completions", Chat("Hello", 8));
            string body = await response.Content.ReadAsStringAsync();
            Assert.Contains(AnswerTo("Hello").Text(0, 8), body);
            Assert.Contains("\"cached_tokens\":0", body);
            Assert.Equal(instance.Name, response.Headers.GetValues("x-inference-pod").Single());
        }));
        Assert.All(fleet.Instances, instance => Assert.Equal((1L, 1L, 0L, 8L), instance.Totals));
    }
}
