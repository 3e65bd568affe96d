using System.Text.Json;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Gateway.Tests.Hedging;

/// <summary>Requests whose first token is late, asked of a second engine over HTTP.</summary>
public sealed class HedgingTests
{
    /// <summary>Requests that teach the pool how long a first token takes.</summary>
    private const int Lessons = 44;

    private static async Task<GatewayUnderTest> StartAsync(double budget, params HeldEngine[] engines)
    {
        GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            pool: pool => pool with { Policy = "round-robin", HedgeBudget = budget }, instances: engines.Select(engine => engine.Address));
        for (int i = 0; i < Lessons; i++)
            Assert.StartsWith("from ", await AskAsync(gateway, stream: true), StringComparison.Ordinal);
        return gateway;
    }

    /// <summary>The text of an answer, which must be whole.</summary>
    private static async Task<string> AskAsync(GatewayUnderTest gateway, bool stream, string more = "", CancellationToken leaves = default)
    {
        string body = "{" + more + GatewayUnderTest.Chat("who are you?", 4, stream)[1..];
        using HttpResponseMessage response = await gateway.PostAsync("/v1/chat/completions", body, leaves);
        string text = await response.Content.ReadAsStringAsync(leaves);
        Assert.True(response.IsSuccessStatusCode, text);
        if (!stream)
            return JsonDocument.Parse(text).RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
        string content = "";
        int roles = 0;
        foreach (string line in text.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)))
        {
            JsonElement delta = JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("choices")[0].GetProperty("delta");
            content += delta.TryGetProperty("content", out JsonElement piece) ? piece.GetString() : "";
            roles += delta.TryGetProperty("role", out _) ? 1 : 0;
        }
        Assert.Equal(1, roles);
        return content;
    }

    /// <summary>Asks until a request is held; that one's answer is still to come.</summary>
    private static async Task<(Task<string> Answer, string Id)> HeldAsync(Hold hold, Func<Task<string>> ask)
    {
        while (true)
        {
            Task<string> answer = ask();
            if (await Task.WhenAny(answer, hold.Began.Task) != answer)
                return (answer, await hold.Began.Task);
            await answer;
        }
    }

    private static async Task OutcomeAsync(GatewayUnderTest gateway, string outcome)
    {
        await gateway.NoLeaseLeft();
        Assert.Matches($"fleetrouter_hedges_total{{outcome=\"{outcome}\",pool=\"test\"}} [1-9]", await gateway.Http.GetStringAsync("/metrics"));
    }

    [Theory]
    [InlineData(Said.Nothing, true, "")]
    [InlineData(Said.Head, true, "")]
    [InlineData(Said.Role, true, "")]
    [InlineData(Said.Role, false, "")]
    [InlineData(Said.Nothing, false, "")]
    [InlineData(Said.Head, true, "\"guided_regex\":\".*\",")]   // could not go on elsewhere once it began
    public async Task Another_engine_answers_for_one_that_is_slow_to_its_first_token(Said said, bool stream, string more)
    {
        await using HeldEngine a = new("a"), b = new("b");
        await using GatewayUnderTest gateway = await StartAsync(1, a, b);
        Hold slow = a.HoldNext(said);
        (Task<string> answer, _) = await HeldAsync(slow, () => AskAsync(gateway, stream, more));
        Assert.Equal("from b", await answer);
        await slow.Left.Task;
        await OutcomeAsync(gateway, "won");
    }

    /// <summary>A request that both engines hold: the one asked first, and the one asked too.</summary>
    private static async Task<(Hold First, Hold Second, string FirstAnswer, string SecondAnswer)> BothAsync(
        HeldEngine a, HeldEngine b, Action ask, Said said = Said.Head)
    {
        Hold atA = a.HoldNext(said), atB = b.HoldNext(said);
        ask();
        bool isA = await Task.WhenAny(atA.Began.Task, atB.Began.Task) == atA.Began.Task;
        await Task.WhenAll(atA.Began.Task, atB.Began.Task);
        Assert.Equal(await (isA ? atA : atB).Began.Task + "h", await (isA ? atB : atA).Began.Task);
        return isA ? (atA, atB, "from a", "from b") : (atB, atA, "from b", "from a");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_first_of_two_engines_to_have_a_token_answers_and_the_other_is_cancelled(bool first)
    {
        await using HeldEngine a = new("a"), b = new("b");
        await using GatewayUnderTest gateway = await StartAsync(1, a, b);
        Task<string> answer = Task.FromResult("");
        var both = await BothAsync(a, b, () => answer = AskAsync(gateway, stream: true));
        (first ? both.First : both.Second).Ends.SetResult(Ending.Answers);
        Assert.Equal(first ? both.FirstAnswer : both.SecondAnswer, await answer);
        await (first ? both.Second : both.First).Left.Task;
        await OutcomeAsync(gateway, first ? "lost" : "won");
    }

    [Theory]
    [InlineData(true, Ending.Breaks)]
    [InlineData(true, Ending.Sheds)]
    [InlineData(false, Ending.Breaks)]
    [InlineData(false, Ending.Sheds)]
    public async Task Where_one_of_two_engines_fails_the_other_answers(bool first, Ending how)
    {
        await using HeldEngine a = new("a"), b = new("b");
        await using GatewayUnderTest gateway = await StartAsync(1, a, b);
        Task<string> answer = Task.FromResult("");
        var both = await BothAsync(a, b, () => answer = AskAsync(gateway, stream: true), how == Ending.Sheds ? Said.Nothing : Said.Head);
        int calls = a.Calls + b.Calls;
        (first ? both.First : both.Second).Ends.SetResult(how);
        await gateway.UntilAsync(state => state.Leases == 1, "one attempt left");
        (first ? both.Second : both.First).Ends.SetResult(Ending.Answers);
        Assert.Equal(first ? both.SecondAnswer : both.FirstAnswer, await answer);
        Assert.Equal(calls, a.Calls + b.Calls);
        await OutcomeAsync(gateway, first ? "won" : "failed");
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_both()
    {
        await using HeldEngine a = new("a"), b = new("b");
        await using GatewayUnderTest gateway = await StartAsync(1, a, b);
        using var leaves = new CancellationTokenSource();
        Task<string> answer = Task.FromResult("");
        var both = await BothAsync(a, b, () => answer = AskAsync(gateway, stream: true, leaves: leaves.Token));
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        await Task.WhenAll(both.First.Left.Task, both.Second.Left.Task);
        await gateway.ServesOnAsync();
    }

    [Fact]
    public async Task Without_a_budget_nobody_is_asked_twice()
    {
        await using HeldEngine a = new("a"), b = new("b");
        await using GatewayUnderTest gateway = await StartAsync(0, a, b);
        Hold slow = a.HoldNext(Said.Nothing);
        int asked = 0;
        (Task<string> answer, _) = await HeldAsync(slow, () =>
        {
            asked++;
            return AskAsync(gateway, stream: true);
        });
        for (int i = 0; i < Lessons; i++, asked++)
            await AskAsync(gateway, stream: true);
        slow.Ends.SetResult(Ending.Answers);
        Assert.Equal("from a", await answer);
        Assert.Equal(Lessons + asked, a.Calls + b.Calls);
        Assert.DoesNotContain("fleetrouter_hedges_total{", await gateway.Http.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }
}
