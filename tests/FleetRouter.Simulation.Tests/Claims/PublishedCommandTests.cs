using System.Text.Json;
using FleetRouter.LoadGen;
using FleetRouter.Simulation.Tests.Traces;

namespace FleetRouter.Simulation.Tests.Claims;

public class PublishedCommandTests
{
    private static readonly string[] Lines = [.. Enumerable.Range(0, 60).Select(i =>
        $$"""{"timestamp":{{i * 500}},"input_length":{{2000 + 97 * i % 6000}},"output_length":12,"hash_ids":[0,{{string.Join(',', Enumerable.Range(i % 10 * 20 + 1, 15))}}]}""")];

    private static async Task<(int Code, string Errors)> Invoke(params string[] arguments)
    {
        var errors = new StringWriter();
        return (await CommandLine.Run(["sim", "published", .. arguments], errors), errors.ToString().TrimEnd());
    }

    [Fact]
    public async Task What_has_no_trace_is_left_out_and_the_rest_is_written()
    {
        using var trace = new TraceFile("mooncake_conversation.jsonl", Lines);
        string folder = Path.GetDirectoryName(trace.Path)!, json = Path.Combine(folder, "out.json");
        Assert.Equal((0, ""), await Invoke("--no-progress", "--requests", "50", "--traces", folder, "--json", json));
        using var figures = JsonDocument.Parse(File.ReadAllText(json));
        Assert.Equal(
            ["DualMap, conversation", "DualMap, conversation, prefill alone", "LMetric, conversation", "Preble, tools", "Preble, videos"],
            figures.RootElement.EnumerateArray().Select(experiment => experiment.GetProperty("name").GetString()));
        Assert.All(figures.RootElement.EnumerateArray(), experiment =>
        {
            JsonElement figure = experiment.GetProperty("figures")[0];
            Assert.Equal(JsonValueKind.String, figure.GetProperty("gain").ValueKind);
            foreach (string name in new[] { "published", "published_most", "best", "best_rate", "least", "ratio_to_published" })
                Assert.Equal(JsonValueKind.Number, figure.GetProperty(name).ValueKind);
            Assert.Equal(JsonValueKind.Number, experiment.GetProperty("runs")[0].GetProperty("in_time_share").ValueKind);
        });
    }

    [Theory]
    [InlineData("--traces", "/none", "--traces: there is no folder /none; name the one that holds the traces")]
    [InlineData("--requests", "few", "--requests must be a whole number of 1 or more, not 'few'")]
    [InlineData("--json", "/none/x.json", "cannot write /none/x.json")]
    public async Task A_mistake_is_told_in_a_line(string option, string value, string message)
    {
        var (code, errors) = await Invoke("--no-progress", option, value);
        Assert.Equal(2, code);
        Assert.StartsWith("fleet sim published: " + message, errors);
    }
}
