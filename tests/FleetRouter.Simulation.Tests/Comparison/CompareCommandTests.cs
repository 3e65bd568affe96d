using System.Text.Json;
using FleetRouter.LoadGen.Sim;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Tests.LoadGen;
using FleetRouter.Simulation.Tests.Traces;

namespace FleetRouter.Simulation.Tests.Comparison;

public class CompareCommandTests
{
    private static readonly string[] Lines = [.. TraceFile.Mooncake(80)];

    private static Task<(int Code, string Errors)> Invoke(params string[] arguments) => FleetCommand.Run(["sim", .. arguments]);

    [Fact]
    public async Task The_same_seed_writes_the_same_figures_in_the_agreed_shape()
    {
        using var trace = new TraceFile("m.jsonl", Lines);
        string[] arguments = ["compare", "--no-progress", "--trace", trace.Path, "--instances", "2", "--kv-ratio", "0.5", "--requests", "100", "--policies", "round-robin,smetric", "--slo", "length"];
        string Out(int i) => $"{trace.Path}.{i}.json";
        Assert.Equal((0, ""), await Invoke([.. arguments, "--json", Out(1), "--html", trace.Path + ".html"]));
        Assert.Equal((0, ""), await Invoke([.. arguments, "--json", Out(2)]));
        Assert.Equal(File.ReadAllText(Out(1)), File.ReadAllText(Out(2)));

        using var figures = JsonDocument.Parse(File.ReadAllText(Out(1)));
        JsonElement root = figures.RootElement;
        Assert.Equal("m.jsonl", root.GetProperty("trace").GetString());
        string ours = root.GetProperty("default_policy").GetString()!;
        foreach (string name in new[] { ours, "round-robin", "smetric" })
        {
            JsonElement of = root.GetProperty("policies").GetProperty(name);
            foreach (string figure in new[] { "slo_capacity_rps", "good_share", "good_share_longest_tenth", "hit_token_share", "load_cv", "refused_share" })
                Assert.Equal(JsonValueKind.Number, of.GetProperty(figure).ValueKind);
            foreach (string percentile in new[] { "p50", "p90", "p99" })
                Assert.Equal(JsonValueKind.Number, of.GetProperty("ttft_ms").GetProperty(percentile).ValueKind);
            Assert.StartsWith(name, of.GetProperty("variant").GetString());
        }
        foreach (string number in new[] { "instances", "kv_tokens_per_instance", "working_set_tokens", "requests", "seed", "excluded_from_slo", "copied_sessions", "ratio_to_best_rival", "overload_goodput_ratio" })
            Assert.Equal(JsonValueKind.Number, root.GetProperty(number).ValueKind);
        // No referee took part.
        Assert.Equal(JsonValueKind.Null, root.GetProperty("ratio_to_clairvoyant").ValueKind);
        Assert.Equal(JsonValueKind.Null, root.GetProperty("ratio_to_shared_cache").ValueKind);
        Assert.Contains("<svg", File.ReadAllText(trace.Path + ".html"));
    }

    [Theory]
    [InlineData("5s", "5s")]
    [InlineData("1500ms", "1.5s")]
    [InlineData("length", "1s+62.5ms")]
    public void A_promise_is_told_as_it_is_given(string given, string told)
    {
        Slo promise = SloOption.Parse(given)!;
        Assert.Equal(told, promise.ToString());
        Assert.Equal(promise, SloOption.Parse(told));
    }

    [Fact]
    public async Task A_matrix_goes_on_where_it_stopped()
    {
        using var trace = new TraceFile("m.jsonl", Lines);
        string json = trace.Path + ".json";
        Task<(int, string)> Run(string ratios) => Invoke("matrix", "--no-progress", "--quick", "--traces", trace.Path, "--instances", "2", "--kv-ratios", ratios, "--slos", "5s",
            "--profiles", "h100-llama-3.1-8b", "--policies", "least-requests", "--requests", "60", "--json", json);
        Assert.Equal((0, ""), await Run("1"));
        string first = File.ReadAllText(json);
        Assert.Equal((0, ""), await Run("1"));
        Assert.Equal(first, File.ReadAllText(json));
        Assert.Equal((0, ""), await Run("1,1/3"));
        using var figures = JsonDocument.Parse(File.ReadAllText(json));
        Assert.Equal(2, figures.RootElement.GetProperty("cells").GetArrayLength());
        Assert.Equal(2, figures.RootElement.GetProperty("summary").GetProperty("cells").GetInt32());
        Assert.Equal(JsonValueKind.Number, figures.RootElement.GetProperty("summary").GetProperty("ratio_to_best_rival").GetProperty("geometric_mean").ValueKind);
    }

    [Theory]
    [InlineData("--instances", "0", "--instances must be a whole number of 1 or more, not '0'")]
    [InlineData("--kv-ratio", "-1", "--kv-ratio must be a number above 0, not '-1'")]
    [InlineData("--slo", "5", "--slo must be a duration such as 5s, two of them such as 1s+62.5ms, or length, not '5'")]
    [InlineData("--slo", "1s+2", "--slo must be a duration such as 5s")]
    [InlineData("--inter-token", "x", "--inter-token must be a positive duration with its unit")]
    [InlineData("--policies", "best", "--policies: no placement policy is called 'best'; known: ")]
    [InlineData("--policies", "smetric:slack=-1", "--policies: ")]
    [InlineData("--format", "csv", "Argument 'csv' not recognized. Must be one of:")]
    [InlineData("--profile", "tpu", "Argument 'tpu' not recognized. Must be one of:")]
    [InlineData("--requests", "many", "--requests must be a whole number of 1 or more, not 'many'")]
    [InlineData("--seed", "x", "Cannot parse argument 'x' for option '--seed'")]
    [InlineData("--json", "/none/x.json", "cannot write /none/x.json")]
    public async Task A_mistake_is_told_in_a_line(string option, string value, string message)
    {
        var (code, errors) = await Invoke("compare", "--no-progress", "--trace", "/none.jsonl", option, value);
        Assert.Equal(2, code);
        Assert.StartsWith("fleet sim compare: " + message, errors);
        Assert.DoesNotContain("\n", errors.Split("Must be one of:")[0]);
    }

    [Fact]
    public async Task A_trace_that_is_none_is_told_in_a_line()
    {
        Assert.Equal((2, "fleet sim compare: /none.jsonl: no such trace file"), await Invoke("compare", "--no-progress", "--trace", "/none.jsonl"));
        using var broken = new TraceFile("m.jsonl", Lines[0], "{");
        Assert.StartsWith("fleet sim compare: m.jsonl:2: is not JSON", (await Invoke("compare", "--no-progress", "--trace", broken.Path)).Errors);
        using var once = new TraceFile("m.jsonl", Lines[0]);
        Assert.Equal("fleet sim compare: m.jsonl: its requests all come at once, so that no rate can be made of them", (await Invoke("compare", "--no-progress", "--requests", "1", "--trace", once.Path)).Errors);
    }
}
