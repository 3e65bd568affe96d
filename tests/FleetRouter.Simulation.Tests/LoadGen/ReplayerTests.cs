using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Measures;
using FleetRouter.LoadGen.Replay;
using FleetRouter.Simulation.Tests.Traces;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class ReplayerTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    private static TraceSession Lone(double seconds, int tokens = 10, int output = 3, long id = 1) =>
        TraceSession.Lone(TimeSpan.FromSeconds(seconds), new BlockText(tokens, [new BlockRun(1, id, 1)], tokens), output);

    private static TraceSession Conversation(int turns)
    {
        var requests = new List<TraceRequest>();
        var messages = new List<PromptMessage>();
        for (var i = 0; i < turns; i++)
        {
            messages.Add(new PromptMessage("user", new LiteralText($"question {i} \"quoted\"")));
            requests.Add(new TraceRequest(i == 0 ? Release.AtSessionStart : new Release([i - 1], TimeSpan.Zero), [.. messages], 2, "talk"));
            messages.Add(new PromptMessage("assistant", new AnswerText(i, 2)));
        }
        return new TraceSession(TimeSpan.Zero, requests);
    }

    private static async Task<ReplayRun> Replay(Uri address, IReadOnlyList<TraceSession> sessions, Func<ReplaySettings, ReplaySettings>? with = null, CancellationToken stop = default)
    {
        var settings = new ReplaySettings { Target = new Target(address, "first", null), Timeout = Bound };
        using var replayer = new Replayer(with?.Invoke(settings) ?? settings, sessions, TimeProvider.System);
        return await replayer.Replay(stop).WaitAsync(Bound);
    }

    [Fact]
    public async Task A_request_is_sent_as_the_trace_says_and_its_answer_is_measured()
    {
        await using var engine = new FakeEngine((request, to, _) => FakeEngine.Complete(request, to));
        var run = await Replay(engine.Address, [Conversation(1)], settings => settings with { ApiKey = "key" });
        var request = Assert.Single(engine.Requests);
        Assert.Equal("POST /v1/chat/completions HTTP/1.1", request.Line);
        Assert.Equal("talk", request.Headers["x-session-id"]);
        Assert.Matches("^replay-[0-9a-f]{12}-0-0$", request.Headers["X-Request-Id"]);
        Assert.Equal("Bearer key", request.Headers["Authorization"]);
        Assert.Equal("""{"model":"first","messages":[{"role":"user","content":"question 0 \"quoted\""}],"stream":true,"stream_options":{"include_usage":true},"ignore_eos":true,"max_tokens":2}""", request.Body.GetRawText());
        var record = Assert.Single(run.Records);
        Assert.True(record.Completed);
        Assert.Equal((20, 5, 2, "10.0.0.1:8000"), (record.PromptTokens, record.CachedTokens, record.CompletionTokens, record.Instance));
        Assert.True(record.Scheduled <= record.Sent && record.Sent <= record.FirstToken && record.FirstToken <= record.LastToken && record.LastToken <= record.End);
        Assert.Equal(1, run.Gaps.Count);
    }

    [Fact]
    public async Task Requests_are_sent_whatever_became_of_the_earlier_ones()
    {
        const int count = 300;
        var allCame = new TaskCompletionSource();
        var came = 0;
        await using var engine = new FakeEngine(async (request, to, stop) =>
        {
            // No answer at all before the last request is here: any cap on concurrency would never get there.
            if (Interlocked.Increment(ref came) == count) allCame.SetResult();
            await allCame.Task.WaitAsync(stop);
            return await FakeEngine.Complete(request, to);
        });
        var run = await Replay(engine.Address, [.. Enumerable.Range(0, count).Select(i => Lone(i * 0.001, id: i))]);
        Assert.Equal(count, run.Completed);
    }

    [Fact]
    public async Task A_follow_up_waits_for_the_answer_and_repeats_what_the_engine_really_said()
    {
        await using var engine = new FakeEngine((request, to, _) => FakeEngine.Complete(request, to, token: "näh\\\" "));
        var run = await Replay(engine.Address, [Conversation(3)]);
        Assert.Equal(3, run.Completed);
        var messages = engine.Requests.ToArray()[2].Body.GetProperty("messages").EnumerateArray().Select(message => (message.GetProperty("role").GetString(), message.GetProperty("content").GetString()));
        Assert.Equal([("user", "question 0 \"quoted\""), ("assistant", "näh\" näh\" "), ("user", "question 1 \"quoted\""), ("assistant", "näh\" näh\" "), ("user", "question 2 \"quoted\"")], messages);
        for (var i = 1; i < 3; i++) Assert.True(run.Records[i].Scheduled >= run.Records[i - 1].End);
    }

    [Fact]
    public async Task Completions_carry_the_same_text_in_one_prompt()
    {
        await using var engine = new FakeEngine(async (request, to, _) =>
        {
            await FakeEngine.Header(to);
            await FakeEngine.Event(to, """{"choices":[{"index":0,"text":"abc"}]}""");
            await FakeEngine.Event(to, """{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3}}""");
            await FakeEngine.Event(to, "[DONE]");
            await FakeEngine.End(to);
            return true;
        });
        var session = Lone(0, tokens: 100);
        var run = await Replay(engine.Address, [session], settings => settings with { Endpoint = Endpoint.Completions, Seed = 9 });
        Assert.Equal(1, run.Completed);
        Assert.Equal("POST /v1/completions HTTP/1.1", engine.Requests.Single().Line);
        Assert.Equal(TextOf.Prompt(session.Turns[0], seed: 9), engine.Requests.Single().Body.GetProperty("prompt").GetString());
    }

    [Theory]
    [InlineData("503", "http_503 queue_full")]
    [InlineData("404", "http_404")]
    [InlineData("cut", "cut")]
    [InlineData("reset", "cut")]
    [InlineData("closed", "no_answer")]
    [InlineData("error", "stream_error broken_engine")]
    [InlineData("garbage", "malformed")]
    [InlineData("short", "wrong_length")]
    [InlineData("silent", "timeout")]
    public async Task Each_way_to_fail_has_its_kind(string way, string kind)
    {
        await using var engine = new FakeEngine(async (request, to, stop) =>
        {
            switch (way)
            {
                case "503": return await FakeEngine.Refuse(to, "503 Service Unavailable", """{"error":{"message":"m","type":"overloaded","code":"queue_full"}}""");
                case "404": return await FakeEngine.Refuse(to, "404 Not Found", "nothing here");
                case "closed": return false;
                case "silent": await Task.Delay(Timeout.Infinite, stop); return false;
            }
            await FakeEngine.Header(to);
            await FakeEngine.Event(to, """{"choices":[{"index":0,"delta":{"content":"abc"}}]}""");
            if (way == "reset") return false;
            if (way == "garbage") await FakeEngine.Event(to, "{\"choices\":[{");
            if (way == "error") await FakeEngine.Event(to, """{"error":{"message":"m","type":"broken_engine","code":500}}""");
            if (way == "short") await FakeEngine.Event(to, """{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":1}}""");
            if (way is "error" or "short") await FakeEngine.Event(to, "[DONE]");
            await FakeEngine.End(to);
            return true;
        });
        var run = await Replay(engine.Address, [Lone(0)], settings => way == "silent" ? settings with { Timeout = TimeSpan.FromMilliseconds(300) } : settings);
        Assert.Equal(kind, Assert.Single(run.Records).Failure);
        Assert.Equal((0, 1), (run.Completed, run.Failed));
    }

    [Fact]
    public async Task Nobody_listening_is_a_failure_to_connect()
    {
        Uri address;
        await using (var engine = new FakeEngine((_, _, _) => Task.FromResult(false))) address = engine.Address;
        var run = await Replay(address, [Lone(0)]);
        Assert.Equal("connect", Assert.Single(run.Records).Failure);
    }

    [Fact]
    public async Task The_turns_after_a_failed_one_are_given_up_and_other_sessions_go_on()
    {
        await using var engine = new FakeEngine((request, to, _) => request.Headers.ContainsKey("x-session-id")
            ? FakeEngine.Refuse(to, "429 Too Many Requests", "{}") : FakeEngine.Complete(request, to));
        var run = await Replay(engine.Address, [Conversation(4), Lone(0.05)]);
        Assert.Equal((1, 1, 3), (run.Completed, run.Failed, run.Abandoned));
        Assert.Equal(5, run.Done);
    }

    [Fact]
    public async Task Prompts_above_the_limits_are_skipped_and_counted()
    {
        await using var engine = new FakeEngine((request, to, _) => FakeEngine.Complete(request, to));
        var run = await Replay(engine.Address, [Lone(0, tokens: 101), Lone(0, tokens: 100), Lone(0, tokens: 90, output: 200), Lone(0, tokens: 90, output: 20)],
            settings => settings with { MaxInputTokens = 100, Target = settings.Target with { LongestSequence = 200 } });
        Assert.Equal(2, run.Completed);
        Assert.Equal(2, run.Skipped[ReplayRun.TooLong]);
        Assert.Equal(400, engine.Requests.Max(request => request.Content.Length));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task An_early_end_gives_up_what_is_in_flight_without_calling_it_failed(bool moreToCome)
    {
        using var stop = new CancellationTokenSource();
        await using var engine = new FakeEngine(async (request, to, stopped) =>
        {
            // The second turn comes only after the first has completed.
            if (request.Body.GetProperty("messages").GetArrayLength() == 1) return await FakeEngine.Complete(request, to);
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, stopped);
            return false;
        });
        var sessions = new List<TraceSession> { Conversation(2) };
        // An hour later: the end comes before it.
        if (moreToCome) sessions.Add(Lone(3600));
        var run = await Replay(engine.Address, sessions, stop: stop.Token);
        Assert.True(run.Interrupted);
        Assert.Equal((1, 0), (run.Completed, run.Failed));
        Assert.Equal(1, run.Records.Count(record => record.Unfinished));
    }
}
