using System.Net;
using System.Text;
using System.Text.Json;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Gateway.Tests.Hostile;

/// <summary>Stand-in engines that fail on demand: an error in OpenAI's shape, or a cut that shows, and nothing left behind.</summary>
public sealed class BadEngineTests
{
    private static readonly string Whole = GatewayUnderTest.Chat("hello", 8, ignoreEos: true);
    private static readonly string Streamed = GatewayUnderTest.Chat("hello", 8, stream: true, ignoreEos: true);

    /// <summary>A stream that cannot go on elsewhere.</summary>
    private static readonly string Guided = "{\"guided_regex\":\".*\"," + Streamed[1..];

    private static async Task<GatewayUnderTest> StartAsync(Fault fault, int engines = 1, int attempts = 3)
    {
        GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            GatewayUnderTest.Fast(engines), pool => pool with { MaxAttempts = attempts });
        foreach (var engine in gateway.Engines!.Instances)
            engine.Faults.Add(fault);
        return gateway;
    }

    private static async Task MendAsync(GatewayUnderTest gateway)
    {
        foreach (var engine in gateway.Engines!.Instances)
            engine.Faults.Clear();
        await gateway.ServesOnAsync();
    }

    private static async Task<RawAnswer> AskAsync(GatewayUnderTest gateway, string body, string path = "/v1/chat/completions")
    {
        using RawClient client = await RawClient.ConnectAsync(gateway);
        await client.PostAsync(body, path);
        return (await client.ReadAsync())!;
    }

    [Fact]
    public async Task Engines_that_always_shed_end_in_429_with_retry_after()
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Reject), engines: 3);
        RawAnswer answer = await AskAsync(gateway, Whole);
        answer.IsError(429, "engines-busy");
        Assert.True(int.Parse(answer.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture) >= 1);
        FleetState state = await gateway.LeasesAsync();
        Assert.True(state.Ready == 3, $"an engine that sheds is busy, not broken:\n{state.Text}");
        await MendAsync(gateway);
    }

    [Fact]
    public async Task An_engine_that_sheds_once_is_asked_again_or_passed_over_without_the_client_knowing()
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Reject) { Times = 1 }, engines: 2);
        Assert.Equal(200, (await AskAsync(gateway, Whole)).Status);
        await MendAsync(gateway);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_engines_500_passes_as_it_is(bool stream)
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Error));
        JsonElement error = (await AskAsync(gateway, stream ? Streamed : Whole)).IsError500();
        Assert.Contains("EngineCore", error.GetProperty("message").GetString());
        await MendAsync(gateway);
    }

    [Theory]
    [InlineData(FaultKind.Empty)]
    [InlineData(FaultKind.Garbage)]
    public async Task An_engine_that_says_nothing_or_no_HTTP_is_503(FaultKind kind)
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(kind) { Form = GarbageForm.Http });
        (await AskAsync(gateway, Whole)).IsError(503);
        await gateway.UntilAsync(state => state.Ready == 1, "the engine found healthy again");
        (await AskAsync(gateway, Streamed)).IsError(503);
        await MendAsync(gateway);
    }

    [Theory]
    [InlineData(FaultKind.Empty)]
    [InlineData(FaultKind.Garbage)]
    public async Task Another_engine_takes_over_from_one_that_says_nothing_or_no_HTTP(FaultKind kind)
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            GatewayUnderTest.Fast(3), pool => pool with { Policy = "round-robin", MaxEjectedShare = 0 });   // it is to be tried again and again
        gateway.Engines!.Instances[0].Faults.Add(new Fault(kind) { Form = GarbageForm.Http });
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(200, (await AskAsync(gateway, Whole)).Status);
            Assert.EndsWith("data: [DONE]\n\n", (await AskAsync(gateway, Streamed)).Text);
            await gateway.UntilAsync(state => state.Ready == 3, "all found healthy again");
        }
        await MendAsync(gateway);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    [InlineData(8, false)]
    public async Task A_stream_the_engine_cuts_ends_in_an_error_event_after_whole_events(int tokens, bool midChunk)
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Cut) { AfterTokens = tokens, MidChunk = midChunk });
        RawAnswer answer = await AskAsync(gateway, Guided);
        Assert.Equal(200, answer.Status);
        Assert.False(answer.Whole, "a client that does not know the error event takes the stream for whole");
        string[] events = answer.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, e => JsonDocument.Parse(e["data: ".Length..]).Dispose());
        JsonElement error = JsonDocument.Parse(events[^1]["data: ".Length..]).RootElement.GetProperty("error");
        Assert.Equal("engine_stream_broken", error.GetProperty("code").GetString());
        Assert.Equal("guided-decoding", error.GetProperty("reason").GetString());
        Assert.True(error.GetProperty("retryable").GetBoolean());
        Assert.Equal(tokens, events.Count(e => e.Contains("\"content\":\" ", StringComparison.Ordinal)));
        await MendAsync(gateway);
    }

    [Fact]
    public async Task A_responses_stream_the_engine_cuts_ends_in_an_error_event_of_that_API()
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Cut) { AfterTokens = 2 });
        RawAnswer answer = await AskAsync(gateway, $$"""{"model":"{{GatewayUnderTest.Model}}","input":"hello","stream":true}""", "/v1/responses");
        Assert.False(answer.Whole);
        string last = answer.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.StartsWith("event: error\ndata: ", last);
        Assert.Equal("engine_stream_broken", JsonDocument.Parse(last["event: error\ndata: ".Length..]).RootElement.GetProperty("code").GetString());
        await MendAsync(gateway);
    }

    [Fact]
    public async Task An_unstreamed_answer_the_engine_cuts_is_cut_for_the_client_too()
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Cut));
        using RawClient client = await RawClient.ConnectAsync(gateway);
        await client.PostAsync(Guided.Replace("\"stream\":true", "\"stream\":false", StringComparison.Ordinal));
        RawAnswer? answer = await client.ReadAsync();
        if (answer is { Status: 503 })
            answer.IsError(503);   // the cut came before anything was passed on
        else
            Assert.True(answer is null or { Whole: false }, $"half an answer looks whole: {answer?.Status} {answer?.Text}");
        await MendAsync(gateway);
    }

    [Fact]
    public async Task A_broken_event_in_a_stream_is_not_passed_and_the_stream_goes_on()
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Garbage) { Form = GarbageForm.Sse, AfterTokens = 2 });
        RawAnswer answer = await AskAsync(gateway, Streamed);
        Assert.EndsWith("data: [DONE]\n\n", answer.Text);
        Assert.All(answer.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[..^1], e => JsonDocument.Parse(e["data: ".Length..]).Dispose());
        await MendAsync(gateway);
    }

    [Fact]
    public async Task HTML_in_the_middle_of_a_stream_ends_in_an_error_event()
    {
        await using GatewayUnderTest gateway = await StartAsync(new Fault(FaultKind.Garbage) { Form = GarbageForm.Json, AfterTokens = 2 });
        RawAnswer answer = await AskAsync(gateway, Guided);
        Assert.False(answer.Whole);
        Assert.Contains("engine_stream_broken", answer.Text);
        await MendAsync(gateway);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_engine_that_falls_silent_is_given_up_after_the_activity_timeout(bool stream)
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            GatewayUnderTest.Fast(1), gateway: options => options with { Upstream = options.Upstream with { ActivityTimeout = TimeSpan.FromSeconds(1) } });
        gateway.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Stall) { AfterTokens = 2 });
        using RawClient client = await RawClient.ConnectAsync(gateway);
        await client.PostAsync(stream ? Streamed : Whole);
        RawAnswer? answer = await client.ReadAsync();
        if (stream)
            Assert.True(answer is null or { Whole: false } || answer.Text.Contains("engine_stream_broken", StringComparison.Ordinal), $"a silent engine's stream looks whole: {answer?.Text}");
        else
            answer!.IsError(504, "engine_timeout");
        await MendAsync(gateway);
    }

    [Fact]
    public async Task What_the_engine_does_not_stream_is_asked_elsewhere_after_the_activity_timeout()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(), pool => pool with { Policy = "round-robin" },
            options => options with { Upstream = options.Upstream with { ActivityTimeout = TimeSpan.FromSeconds(1) } });
        gateway.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Stall) { Times = 1 });
        string counted = "{\"logprobs\":true," + GatewayUnderTest.Chat("silence", 4, ignoreEos: true)[1..];
        for (int i = 0; i < 2; i++)   // one of them comes to the silent engine first
        {
            using HttpResponseMessage answer = await gateway.PostAsync("/v1/chat/completions", counted);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        Assert.Contains("fleetrouter_retries_total{failure=\"timed-out\",pool=\"test\"} 1", await gateway.Http.GetStringAsync("/metrics"));
        await MendAsync(gateway);
    }

    [Fact]
    public async Task Without_an_instance_the_answer_is_503()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        await gateway.Engines!.Instances[0].CrashAsync();
        (await AskAsync(gateway, Whole)).IsError(503);
        await gateway.UntilAsync(state => state.Ready == 0, "the crash noticed");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await gateway.Http.GetAsync("/readyz")).StatusCode);
        (await AskAsync(gateway, Whole)).IsError(503, "no-instance");
        await gateway.NoLeaseLeft();
        await gateway.Engines.Instances[0].RestartAsync();
        await gateway.ServesOnAsync();
    }

    [Fact]
    public async Task Engines_that_crash_and_restart_under_load_cost_no_unstarted_request_and_no_lease()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(3));
        using var enough = new CancellationTokenSource();
        int whole = 0, broken = 0;
        Task[] clients = [.. Enumerable.Range(0, 12).Select(async n =>
        {
            for (int i = 0; i == 0 || !enough.IsCancellationRequested; i++)
            {
                RawAnswer answer = await AskAsync(gateway, GatewayUnderTest.Chat($"client {n}, request {i}", 20, stream: true, ignoreEos: true));
                Assert.True(answer.Status == 200, $"{answer.Status} {answer.Text}");
                if (answer.Text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal))
                    Interlocked.Increment(ref whole);
                else
                {
                    Assert.Contains("engine_stream_broken", answer.Text);
                    Interlocked.Increment(ref broken);
                }
            }
        })];
        for (int round = 0; round < 3; round++)
        {
            var engine = gateway.Engines!.Instances[round];
            await engine.WhenRunningAsync(1).WaitAsync(TimeSpan.FromSeconds(60));
            await engine.CrashAsync();
            await gateway.UntilAsync(state => state.Ready <= 2, "the crash noticed");
            await engine.RestartAsync();
            await gateway.UntilAsync(state => state.Ready == 3, "the restart noticed");
        }
        await enough.CancelAsync();
        await Task.WhenAll(clients);
        TestContext.Current.TestOutputHelper!.WriteLine($"{whole} whole, {broken} broken in the middle");
        Assert.True(whole > 0);
        await gateway.ServesOnAsync();
    }
}

internal static class EngineErrors
{
    /// <summary>vLLM's own error: its code is a number.</summary>
    public static JsonElement IsError500(this RawAnswer answer)
    {
        Assert.Equal(500, answer.Status);
        JsonElement error = JsonDocument.Parse(answer.Body).RootElement.GetProperty("error");
        Assert.Equal(500, error.GetProperty("code").GetInt32());
        return error;
    }
}
