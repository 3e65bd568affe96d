using System.Text.Json;
using FleetRouter.Simulation.Tests.Traces;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class ReplayCommandTests
{
    private static readonly string[] Lines = [.. Enumerable.Range(0, 12).Select(i => $$"""{"timestamp":0,"input_length":600,"output_length":4,"hash_ids":[0,{{i + 1}}]}""")];

    private static Task<(int Code, string Errors)> Invoke(params string[] arguments) => FleetCommand.Run(["replay", "--no-progress", .. arguments]);

    [Fact]
    public async Task A_replay_without_a_failure_exits_with_0_and_writes_its_figures()
    {
        await using var engine = new FakeEngine((request, to, _) => FakeEngine.Complete(request, to));
        using var trace = new TraceFile("m.jsonl.gz", Lines);
        var (json, html) = (trace.Path + ".json", trace.Path + ".html");
        Assert.Equal((0, ""), await Invoke("--trace", trace.Path, "--target", engine.Address.ToString(), "--limit", "10", "--skip", "2", "--speed", "1000", "--max-output", "3", "--json", json, "--html", html));
        Assert.Equal(10, engine.Requests.Count);
        Assert.All(engine.Requests, request => Assert.Equal((3, "first"), (request.MaxTokens, request.Body.GetProperty("model").GetString())));
        using var figures = JsonDocument.Parse(File.ReadAllText(json));
        var root = figures.RootElement;
        Assert.Equal((10, 10, 0), (root.GetProperty("requests").GetInt32(), root.GetProperty("completed").GetInt32(), root.GetProperty("failed").GetInt32()));
        foreach (var latency in new[] { "ttft_ms", "itl_ms", "e2e_ms", "sender_lateness_ms" })
            Assert.All(["p50", "p90", "p99", "mean", "max"], name => Assert.Equal(JsonValueKind.Number, root.GetProperty(latency).GetProperty(name).ValueKind));
        foreach (var number in new[] { "goodput_rps", "load_cv", "duration_s", "offered_rps", "tokens_per_s", "prompt_tokens", "completion_tokens", "seed", "speed" })
            Assert.Equal(JsonValueKind.Number, root.GetProperty(number).ValueKind);
        Assert.Equal(0.25, root.GetProperty("cache_hit_token_share").GetDouble());
        Assert.Equal("10.0.0.1:8000", root.GetProperty("per_instance")[0].GetProperty("instance").GetString());
        Assert.Contains("<svg", File.ReadAllText(html));
    }

    [Fact]
    public async Task A_failed_request_makes_the_exit_code_1()
    {
        var first = 0;
        await using var engine = new FakeEngine((request, to, _) => Interlocked.Exchange(ref first, 1) == 0
            ? FakeEngine.Refuse(to, "500 Internal Server Error", "{}") : FakeEngine.Complete(request, to));
        using var trace = new TraceFile("m.jsonl", Lines);
        Assert.Equal((1, ""), await Invoke("--trace", trace.Path, "--target", engine.Address.ToString(), "--model", "second", "--speed", "1000"));
    }

    [Fact]
    public async Task Mistakes_are_told_before_anything_is_sent()
    {
        await using var engine = new FakeEngine((request, to, _) => FakeEngine.Complete(request, to));
        using var trace = new TraceFile("m.jsonl", Lines[0], "{");
        var target = engine.Address.ToString();
        async Task<string> Complaint(params string[] arguments)
        {
            var (code, errors) = await Invoke(arguments);
            Assert.Equal(2, code);
            Assert.StartsWith("fleet replay: ", errors);
            return Assert.Single(errors["fleet replay: ".Length..].Split('\n'));
        }

        Assert.StartsWith("m.jsonl:2: is not JSON", await Complaint("--trace", trace.Path, "--target", target));
        Assert.EndsWith("does not serve 'third'; it serves first, second", await Complaint("--trace", trace.Path, "--limit", "1", "--target", target, "--model", "third"));
        Assert.StartsWith("cannot write /none/x.json", await Complaint("--trace", trace.Path, "--target", target, "--json", "/none/x.json"));
        using var one = new TraceFile("one.jsonl", Lines[0]);
        Assert.Equal("one.jsonl: no request is left to send; see --skip", await Complaint("--trace", one.Path, "--skip", "1", "--target", target, "--format", "mooncake"));
        Assert.Equal("the environment has no variable NO_SUCH_KEY, which --api-key-env names", await Complaint("--trace", trace.Path, "--limit", "1", "--target", target, "--api-key-env", "NO_SUCH_KEY"));
        Assert.Empty(engine.Requests);
    }

    [Theory]
    [InlineData("--speed", "0", "--speed must be a number above 0, not '0'")]
    [InlineData("--speed", "fast", "--speed must be a number above 0, not 'fast'")]
    [InlineData("--limit", "-1", "--limit must be a whole number of 1 or more, not '-1'")]
    [InlineData("--slo-ttft", "5", "--slo-ttft must be a positive duration with its unit, as in 100ms, 5s or 2m, not '5'")]
    [InlineData("--timeout", "0s", "--timeout must be a positive duration with its unit, as in 100ms, 5s or 2m, not '0s'")]
    [InlineData("--target", "localhost:8000", "--target must be an address such as http://127.0.0.1:8000, not 'localhost:8000'")]
    [InlineData("--format", "csv", "Argument 'csv' not recognized. Must be one of:")]
    [InlineData("--seed", "x", "Cannot parse argument 'x' for option '--seed'")]
    [InlineData("--nonsense", "x", "Unrecognized command or argument '--nonsense'")]
    public async Task An_option_out_of_its_range_is_refused_in_a_line(string option, string value, string message)
    {
        var (code, errors) = await Invoke("--trace", "/none.jsonl", option, value);
        Assert.Equal(2, code);
        Assert.StartsWith("fleet replay: " + message, errors);
        Assert.DoesNotContain("Usage", errors);
    }
}
