using System.Net;
using System.Text.Json;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>Answers of stand-ins over HTTP that break off or are carried over: every token is the one a whole answer has.</summary>
public sealed class GoesOnTests
{
    private const string Question = "on and on";

    private static string Expected(int tokens) =>
        SyntheticAnswer.To(ChatPrompt.Render([new ChatMessage("user", Question)]).Tokens).Text(0, tokens);

    [Fact]
    public async Task An_answer_is_carried_over_off_an_instance_that_drains_and_no_token_is_lost()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast());
        using HttpResponseMessage stream = await gateway.BeginAsync("/v1/chat/completions", GatewayUnderTest.Endless(Question));
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync());
        string served = stream.Headers.GetValues("x-gateway-destination-endpoint-served").Single();
        string text = await ReadAsync(lines, 40);
        using HttpResponseMessage drained = await gateway.Admin.PostAsync($"/admin/fleet/{GatewayUnderTest.Pool}/instances/{served}/drain?within=0s&wait=2m", null);
        Assert.Equal(HttpStatusCode.OK, drained.StatusCode);
        var source = gateway.Engines!.Instances.Single(e => e.Address.Authority == served);
        await source.WhenIdleAsync();
        // Whatever was on the way, the source made it before it was idle; what comes behind that is the target's.
        int made = (int)source.Totals.GeneratedTokens;
        text += await ReadAsync(lines, made + 40);
        Assert.Equal(Expected(made + 80), text);
        Assert.Contains("fleetrouter_migrations_total{outcome=\"done\",pool=\"test\"} 1", await gateway.Http.GetStringAsync("/metrics"));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(5, false)]
    [InlineData(5, true)]
    [InlineData(12, false)]
    public async Task A_whole_answer_survives_its_engine(int tokens, bool midChunk)
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(3));
        foreach (var engine in gateway.Engines!.Instances.Take(2))
            engine.Faults.Add(new Fault(FaultKind.Cut) { AfterTokens = tokens, MidChunk = midChunk, Times = 1 });
        using HttpResponseMessage answer = await gateway.PostAsync("/v1/chat/completions", GatewayUnderTest.Chat(Question, 12, ignoreEos: true));
        JsonElement root = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        JsonElement choice = root.GetProperty("choices")[0];
        Assert.Equal((Expected(12), "length"), (choice.GetProperty("message").GetProperty("content").GetString(), choice.GetProperty("finish_reason").GetString()));
        Assert.Equal(12, root.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        // None stood still, whether its client had anything of it or not.
        Assert.DoesNotContain("reason=\"stalled\"", await gateway.Http.GetStringAsync("/metrics"));
    }

    [Fact]
    public async Task A_whole_answer_that_cannot_go_on_is_asked_for_anew()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast());
        string guided = "{\"guided_regex\":\".*\"," + GatewayUnderTest.Chat(Question, 12, ignoreEos: true)[1..];
        gateway.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Cut) { Times = 1 });
        // One of the two is cut, whichever engine it comes to; both are answered whole.
        for (int i = 0; i < 2; i++)
        {
            using HttpResponseMessage answer = await gateway.PostAsync("/v1/chat/completions", guided);
            JsonElement root = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
            Assert.Equal(Expected(12), root.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        }
    }

    [Fact]
    public async Task With_the_option_off_engines_get_what_the_client_sent_and_a_break_says_so()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            GatewayUnderTest.Fast(), gateway: options => options with { Pools = [.. options.Pools.Select(pool => pool with { Resume = false })] });
        foreach (var engine in gateway.Engines!.Instances)
            engine.Faults.Add(new Fault(FaultKind.Cut) { AfterTokens = 5, Times = 1 });
        using HttpResponseMessage stream = await gateway.BeginAsync("/v1/chat/completions", GatewayUnderTest.Endless(Question));
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync());
        Assert.Equal(Expected(5), await ReadAsync(lines, 5));
        Assert.Equal("", await lines.ReadLineAsync());
        Assert.Contains("\"reason\":\"resume-off\"", await lines.ReadLineAsync());
    }

    private static async Task<string> ReadAsync(StreamReader lines, int tokens)
    {
        string text = "";
        while (text.Length < 4 * tokens)
        {
            string line = (await lines.ReadLineAsync())!;
            if (!line.StartsWith("data: {", StringComparison.Ordinal))
                continue;
            JsonElement delta = JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("choices")[0].GetProperty("delta");
            if (delta.TryGetProperty("content", out JsonElement content))
                text += content.GetString();
        }
        return text;
    }
}
