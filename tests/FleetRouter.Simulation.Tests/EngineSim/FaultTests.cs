using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using FleetRouter.EngineSim;
using FleetRouter.EngineSim.Faults;

namespace FleetRouter.Simulation.Tests.EngineSim;

public class FaultTests : EngineSimTest
{
    private readonly object _stream = Chat("Break this", 20, stream: true);

    [Theory]
    [InlineData(FaultKind.Reject, 503)]
    [InlineData(FaultKind.Error, 500)]
    public async Task Refusals_strike_as_often_as_asked(FaultKind kind, int expected)
    {
        Engine.Faults.Add(new Fault(kind) { Times = 2 });
        Assert.Equal(expected, (await PostAsync("/v1/chat/completions", _stream)).Status);
        Assert.Equal(expected, (await PostAsync("/v1/chat/completions", Chat("Break this", 1))).Status);
        Assert.Equal(200, (await PostAsync("/v1/chat/completions", Chat("Break this", 1))).Status);
        Assert.Empty(Engine.Faults.Active);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(5, false)]
    [InlineData(5, true)]
    [InlineData(20, false)]
    public async Task A_cut_leaves_exactly_the_tokens_before_it(int after, bool midChunk)
    {
        Engine.Faults.Add(new Fault(FaultKind.Cut) { AfterTokens = after, MidChunk = midChunk, Times = 1 });
        using var response = await StartStreamAsync("/v1/chat/completions", _stream);
        var (text, error) = await ReadToTheBreakAsync(response);
        Assert.IsAssignableFrom<IOException>(error);
        string received = Encoding.UTF8.GetString(text);
        // What follows the last blank line is the half chunk.
        var events = received.Split("\n\n");
        Assert.Equal(after, events[..^1].Count(item => item.Contains("\"content\":\" ", StringComparison.Ordinal)));
        Assert.Equal(midChunk, events[^1].Length > 0);
        Assert.DoesNotContain("[DONE]", received);
        await Engine.WhenIdleAsync();
    }

    [Fact]
    public async Task A_cut_of_an_unstreamed_answer_leaves_half_of_it()
    {
        Engine.Faults.Add(new Fault(FaultKind.Cut) { Times = 1 });
        await Assert.ThrowsAsync<HttpRequestException>(() => PostAsync("/v1/chat/completions", Chat("Break this", 5)));
    }

    [Fact]
    public async Task A_stalled_stream_stays_silent_until_the_client_leaves()
    {
        Engine.Faults.Add(new Fault(FaultKind.Stall) { AfterTokens = 2, Times = 1 });
        var response = await StartStreamAsync("/v1/chat/completions", Chat("Break this", 100_000, stream: true));
        await using var lines = EventsAsync(response).GetAsyncEnumerator();
        for (int i = 0; i < 3; i++)
            Assert.True(await lines.MoveNextAsync());
        var next = lines.MoveNextAsync().AsTask();
        await Engine.WhenRunningAsync(1);
        Assert.False(next.IsCompleted);
        response.Dispose();
        await Engine.WhenAbortedAsync(1);
        await Engine.WhenIdleAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => next);
    }

    [Fact]
    public async Task An_empty_answer_has_no_byte_and_garbage_is_no_http()
    {
        Engine.Faults.Add(new Fault(FaultKind.Empty) { Times = 1 });
        Engine.Faults.Add(new Fault(FaultKind.Garbage) { Times = 1 });
        Assert.Empty(await RawAsync());
        var garbage = await RawAsync();
        Assert.NotEmpty(garbage);
        Assert.False(Encoding.ASCII.GetString(garbage).StartsWith("HTTP/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Garbage_breaks_one_event_or_the_whole_body()
    {
        Engine.Faults.Add(new Fault(FaultKind.Garbage) { Form = GarbageForm.Sse, AfterTokens = 3, Times = 1 });
        using var response = await StartStreamAsync("/v1/chat/completions", _stream);
        var lines = await EventsAsync(response).ToListAsync();
        Assert.Single(lines, line => line != "[DONE]" && !IsJson(line));

        Engine.Faults.Add(new Fault(FaultKind.Garbage) { Form = GarbageForm.Json, Times = 1 });
        using var body = await Client.PostAsJsonAsync("/v1/chat/completions", Chat("Break this", 5));
        Assert.False(IsJson(await body.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task An_unhealthy_engine_serves_on()
    {
        Engine.Faults.Add(new Fault(FaultKind.Unhealthy));
        using (var sick = await Client.GetAsync("/health"))
            Assert.Equal(503, (int)sick.StatusCode);
        Assert.Equal(200, (await PostAsync("/v1/chat/completions", Chat("Still there?", 1))).Status);
        Engine.Faults.Clear();
        using var well = await Client.GetAsync("/health");
        Assert.Equal(200, (int)well.StatusCode);
    }

    [Fact]
    public async Task Faults_are_set_read_and_taken_back_over_http()
    {
        using (var set = await Client.PostAsJsonAsync("/sim/faults", new { kind = "cut", after_tokens = 5, times = 3, mid_chunk = true }))
            Assert.Equal("""[{"kind":"cut","times":3,"after_tokens":5,"mid_chunk":true}]""", await set.Content.ReadAsStringAsync());
        Assert.Equal(new Fault(FaultKind.Cut) { AfterTokens = 5, Times = 3, MidChunk = true }, Assert.Single(Engine.Faults.Active));
        using (await Client.DeleteAsync("/sim/faults"))
            Assert.Equal("[]", await Client.GetStringAsync("/sim/faults"));
    }

    [Fact]
    public async Task A_slow_engine_takes_the_factor_longer()
    {
        // Engine time is what the metrics tell, on a clock that is not the test's.
        await PostAsync("/v1/chat/completions", Chat("Break this", 20));
        double usual = await GapSumAsync();
        Engine.Faults.Add(new Fault(FaultKind.Slow) { Factor = 5 });
        await PostAsync("/v1/chat/completions", Chat("Break this", 20));
        Assert.Equal(5, (await GapSumAsync() - usual) / usual, 0.01);
    }

    [Fact]
    public async Task A_crash_breaks_streams_and_a_restart_comes_back_empty_on_the_same_port()
    {
        using var response = await StartStreamAsync("/v1/chat/completions", Chat("Break this", 100_000, stream: true));
        await Engine.WhenRunningAsync(1);
        var reading = ReadToTheBreakAsync(response);
        await Engine.CrashAsync();
        Assert.NotNull((await reading).Error);
        Assert.False(Engine.IsUp);
        await Assert.ThrowsAsync<HttpRequestException>(() => Client.GetAsync("/health"));

        await Engine.RestartAsync();
        Assert.Equal((0L, 0L), (Engine.Totals.Accepted, Engine.Totals.GeneratedTokens));
        Assert.Equal(200, (await PostAsync("/v1/chat/completions", Chat("Hello again", 1))).Status);
    }

    [Theory]
    [InlineData("""{"kind":"restart"}""")]
    [InlineData("""{"kind":"crash","restart_after_s":0.01}""")]
    public async Task A_crash_asked_for_over_http_is_answered_first_and_then_happens(string fault)
    {
        Assert.Equal(200, (await PostAsync("/v1/chat/completions", Chat("Before", 1))).Status);
        var started = Engine.WhenStartedAgainAsync();
        Assert.Equal(200, (await PostRawAsync("/sim/faults", fault)).Status);
        await started;
        Assert.Equal(0, Engine.Totals.Accepted);
        using var client = new HttpClient { BaseAddress = Engine.Address };
        Assert.Equal("", await client.GetStringAsync("/health"));
    }

    private async Task<double> GapSumAsync() => double.Parse(
        (await Client.GetStringAsync("/metrics")).Split('\n').Single(line => line.StartsWith("vllm:inter_token_latency_seconds_sum", StringComparison.Ordinal)).Split(' ')[^1],
        System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<(byte[] Text, Exception? Error)> ReadToTheBreakAsync(HttpResponseMessage response)
    {
        var read = new MemoryStream();
        try
        {
            await (await response.Content.ReadAsStreamAsync()).CopyToAsync(read);
            return (read.ToArray(), null);
        }
        catch (Exception error) when (error is IOException or HttpRequestException)
        {
            return (read.ToArray(), error);
        }
    }

    /// <summary>What a request brings back on a plain socket, until it closes.</summary>
    private async Task<byte[]> RawAsync()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(Engine.Address.Host, Engine.Address.Port);
        var stream = socket.GetStream();
        string body = """{"messages":[{"role":"user","content":"hi"}],"max_tokens":1}""";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        var read = new MemoryStream();
        await stream.CopyToAsync(read);
        return read.ToArray();
    }

    private static bool IsJson(string text)
    {
        try
        {
            System.Text.Json.JsonDocument.Parse(text).Dispose();
            return true;
        }
        catch (System.Text.Json.JsonException)
        {
            return false;
        }
    }
}
