using System.Text.Json;
using FleetRouter.Simulation.Tests.LoadGen;
using FleetRouter.Simulation.Tests.Traces;

namespace FleetRouter.Simulation.Tests.Claims;

public class PublishedCommandTests
{
    private static Task<(int Code, string Errors)> Invoke(params string[] arguments) => FleetCommand.Run(["sim", "published", .. arguments]);

    [Fact]
    public async Task What_has_no_trace_is_left_out_and_the_rest_is_written()
    {
        using var trace = new TraceFile("mooncake_conversation.jsonl", TraceFile.Mooncake(60));
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
