using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Hosting.Ports;
using FleetRouter.Hosting.Tenants;

namespace FleetRouter.Gateway.Tests.Budgets;

/// <summary>Tenants spend through real gateways; what they spent is told by the engines' own counters.</summary>
public sealed class BudgetTests
{
    private const string First = "key-one", Second = "key-two", Free = "key-of-nobody-in-particular";

    internal static ApiKey Key(string key) => new() { Name = "holder-of-" + key, Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))) };

    private static Func<GatewayOptions, GatewayOptions> Tenant(long tokens, int maxAnswer = 100) => options => options with
    {
        ApiKeys = [Key(Free)],
        // A window that does not turn while the test runs.
        Tenants = [new TenantSection { Name = "acme", Tokens = tokens, Per = TimeSpan.FromDays(365), MaxAnswer = maxAnswer, ApiKeys = [Key(First), Key(Second)] }],
        Pools = [.. options.Pools.Select(p => p with { TemplateTokens = 50 })],
    };

    private static async Task<(HttpResponseMessage Answer, string Body)> AskAsync(GatewayUnderTest gateway, string key, string body, string path = "/v1/chat/completions")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        HttpResponseMessage answer = await gateway.Http.SendAsync(request);
        return (answer, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Tokens the engines have counted, prompts and answers.</summary>
    private static async Task<long> CountedAsync(GatewayUnderTest gateway)
    {
        long sum = 0;
        foreach (Uri engine in gateway.Engines!.Addresses)
            sum += Sum(await gateway.Http.GetStringAsync(new Uri(engine, "/metrics")), "vllm:prompt_tokens_total", "vllm:generation_tokens_total");
        return sum;
    }

    private static long Sum(string page, params string[] names) => page.Split('\n')
        .Where(line => names.Any(name => line.StartsWith(name + "{", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal)))
        .Sum(line => (long)double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    private static async Task<string> LinesAsync(GatewayUnderTest gateway) =>
        string.Join('\n', (await gateway.Http.GetStringAsync("/metrics")).Split('\n').Where(line => line.StartsWith("fleetrouter_tenant", StringComparison.Ordinal)));

    /// <summary>Waits until the gateway has counted so many tokens of answers, which is the last it does for a request; its metrics then.</summary>
    private static async Task<string> UntilCountedAsync(GatewayUnderTest gateway, long answerTokens)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        string page;
        while (Sum(page = await gateway.Http.GetStringAsync("/metrics", late.Token), "fleetrouter_completion_tokens_total") < answerTokens)
            await Task.Yield();
        Assert.Equal(answerTokens, Sum(page, "fleetrouter_completion_tokens_total"));
        return page;
    }

    /// <summary>Spends with many clients at once until each is refused; how many requests were served.</summary>
    private static async Task<int> SpendAllAsync(IReadOnlyList<GatewayUnderTest> gateways, int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        int[] served = await Task.WhenAll(Enumerable.Range(0, 16).Select(async client =>
        {
            var random = new Random(seed + client);
            for (int count = 0; ; count++)
            {
                string body = GatewayUnderTest.Chat($"client {client} asks for the {count}th time", 1 + random.Next(60), stream: random.Next(2) == 0, ignoreEos: true);
                (HttpResponseMessage answer, string text) = await AskAsync(gateways[random.Next(gateways.Count)], random.Next(2) == 0 ? First : Second, body);
                if (answer.StatusCode == HttpStatusCode.TooManyRequests)
                    return count;
                Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
            }
        }));
        return served.Sum();
    }

    [Fact]
    public async Task Two_keys_of_a_tenant_spend_at_once_and_never_a_token_too_much()
    {
        const long budget = 12_000;
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(), gateway: Tenant(budget));
        int served = await SpendAllAsync([gateway], 1);
        await gateway.NoLeaseLeft();
        long counted = await CountedAsync(gateway);
        Assert.InRange(counted, budget / 2, budget);
        string page = await gateway.Http.GetStringAsync("/metrics");
        Assert.Equal(counted, Sum(page, "fleetrouter_tenant_spent_tokens_total"));
        Assert.Contains("fleetrouter_tenant_reserved_tokens{tenant=\"acme\"} 0", page.Split('\n'));
        Assert.DoesNotContain("overdrawn_tokens_total{", page);
        Assert.Equal(16, Sum(page, "fleetrouter_tenant_refused_total"));
        Assert.True(served > 16, $"{served} requests were served");
    }

    [Fact]
    public async Task Gateways_that_share_the_accounts_share_the_budget()
    {
        const long budget = 12_000;
        ITenantAccounts accounts = new MemoryTenantAccounts(TimeProvider.System);
        await using GatewayUnderTest one = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(), gateway: Tenant(budget), accounts: accounts);
        await using GatewayUnderTest two = await GatewayUnderTest.StartAsync(instances: one.Engines!.Addresses, gateway: Tenant(budget), accounts: accounts);
        await SpendAllAsync([one, two], 2);
        await one.NoLeaseLeft();
        await two.NoLeaseLeft();
        Assert.InRange(await CountedAsync(one), budget / 2, budget);
    }

    [Fact]
    public async Task Over_the_budget_it_is_said_in_OpenAIs_words_until_the_window_turns()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(), gateway: Tenant(800));
        (HttpResponseMessage answer, string text) = await AskAsync(gateway, First, GatewayUnderTest.Chat("hello", 500, ignoreEos: true));
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        (answer, text) = await AskAsync(gateway, Second, GatewayUnderTest.Chat("hello", 500));
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        JsonElement error = JsonDocument.Parse(text).RootElement.GetProperty("error");
        Assert.Equal(("insufficient_quota", "insufficient_quota"), (error.GetProperty("type").GetString(), error.GetProperty("code").GetString()));
        Assert.Contains("acme's 800 tokens per 365d", error.GetProperty("message").GetString());
        Assert.Equal("insufficient_quota", answer.Headers.GetValues("x-llm-d-request-dropped-reason").Single());
        TimeSpan turn = TimeSpan.FromDays(365) - TimeSpan.FromTicks((DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks % TimeSpan.FromDays(365).Ticks);
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value, turn - TimeSpan.FromMinutes(5), turn + TimeSpan.FromMinutes(5));
        Assert.Contains("fleetrouter_tenant_refused_total{reason=\"insufficient_quota\",tenant=\"acme\"} 1", await LinesAsync(gateway));

        // Less fits still; what no window could pay is told apart; others have no budget.
        (answer, text) = await AskAsync(gateway, Second, GatewayUnderTest.Chat("hello", 2));
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        (answer, text) = await AskAsync(gateway, Second, GatewayUnderTest.Chat("hello", 900));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("\"request_over_budget\"", text);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(gateway, Free, GatewayUnderTest.Chat("hello", 900))).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(gateway, "key-three", GatewayUnderTest.Chat("hello", 5))).Answer.StatusCode);
    }

    [Theory]
    [InlineData("/v1/chat/completions", """ "messages":[{"role":"user","content":"hi"}]""", 9)]
    [InlineData("/v1/chat/completions", """ "messages":[{"role":"user","content":"hi"}],"max_tokens":null,"stream":true""", 9)]
    [InlineData("/v1/chat/completions", """ "messages":[{"role":"user","content":"hi"}],"max_tokens":5,"stream":true,"stream_options":{"include_usage":false}""", 5)]
    [InlineData("/v1/completions", """ "prompt":"hi" """, 16)]
    [InlineData("/v1/completions", """ "prompt":"hi","stream":true,"max_tokens":3""", 3)]
    [InlineData("/v1/responses", """ "input":"hi" """, 9)]
    [InlineData("/v1/responses", """ "input":"hi","stream":true """, 9)]
    public async Task Every_call_is_bounded_and_paid_by_the_engines_count(string path, string fields, int answerTokens)
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: Tenant(1_000, maxAnswer: 9));
        long before = await CountedAsync(gateway);
        (HttpResponseMessage answer, string text) = await AskAsync(gateway, First, $$"""{"model":"{{GatewayUnderTest.Model}}","ignore_eos":true,{{fields}}}""", path);
        Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        if (fields.Contains("stream_options"))
            Assert.DoesNotContain("\"usage\":{", text);
        string page = await UntilCountedAsync(gateway, answerTokens);
        Assert.Equal(await CountedAsync(gateway) - before, Sum(page, "fleetrouter_tenant_spent_tokens_total"));
    }

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "")]
    [InlineData(false, "\"guided_regex\":\".*\",")]   // cannot go on: asked for anew
    public async Task An_answer_that_goes_on_elsewhere_is_paid_once(bool stream, string more)
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(3), gateway: Tenant(10_000));
        foreach (var engine in gateway.Engines!.Instances.Take(2))
            engine.Faults.Add(new Fault(FaultKind.Cut) { AfterTokens = 5, Times = 1 });
        // Of three engines two break off once each: among three requests at least one goes on elsewhere.
        for (int i = 0; i < 3; i++)
        {
            (HttpResponseMessage answer, string text) = await AskAsync(gateway, First, "{" + more + GatewayUnderTest.Chat("on and on", 12, stream, ignoreEos: true)[1..]);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
        }
        string page = await UntilCountedAsync(gateway, 36);
        Assert.Equal(36 + Sum(page, "fleetrouter_prompt_tokens_total"), Sum(page, "fleetrouter_tenant_spent_tokens_total"));
        Assert.True(await CountedAsync(gateway) > Sum(page, "fleetrouter_tenant_spent_tokens_total"), "no engine made anything twice");
    }

    [Fact]
    public async Task A_turn_is_paid_with_the_turns_before_it()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: Tenant(10_000));
        long before = await CountedAsync(gateway);
        string? previous = null;
        for (int turn = 0; turn < 3; turn++)
        {
            string body = JsonSerializer.Serialize(new { model = GatewayUnderTest.Model, input = "and then?", max_output_tokens = 6, previous_response_id = previous, store = true });
            (HttpResponseMessage answer, string text) = await AskAsync(gateway, turn == 1 ? Second : First, body, "/v1/responses");
            if (turn == 1)
            {
                Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);   // conversations are a key's, budgets a tenant's
                continue;
            }
            Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
            previous = JsonDocument.Parse(text).RootElement.GetProperty("id").GetString();
        }
        await gateway.NoLeaseLeft();
        Assert.Equal(await CountedAsync(gateway) - before, Sum(await gateway.Http.GetStringAsync("/metrics"), "fleetrouter_tenant_spent_tokens_total"));
    }

    [Fact]
    public async Task What_ends_in_an_error_costs_nothing_and_who_leaves_pays_what_was_reserved()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: Tenant(200_000));
        Assert.Equal(HttpStatusCode.BadRequest, (await AskAsync(gateway, First, $$"""{"model":"{{GatewayUnderTest.Model}}","messages":7,"max_tokens":5}""")).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(gateway, First, """{"model":"nobody's","messages":[],"max_tokens":5}""")).Answer.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await AskAsync(gateway, First, $$"""{"model":"{{GatewayUnderTest.Model}}","documents":[]}""", "/v1/rerank")).Answer.StatusCode);
        Assert.Equal(0, Sum(await gateway.Http.GetStringAsync("/metrics"), "fleetrouter_tenant_spent_tokens_total"));

        string endless = GatewayUnderTest.Endless("on and on");
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(endless, Encoding.UTF8, "application/json") })
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", First);
            using HttpResponseMessage answer = await gateway.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Contains($"fleetrouter_tenant_reserved_tokens{{tenant=\"acme\"}} {endless.Length + 50 + 100_000}", await LinesAsync(gateway));
        }
        await gateway.NoLeaseLeft();
        Assert.Equal(endless.Length + 50 + 100_000, Sum(await gateway.Http.GetStringAsync("/metrics"), "fleetrouter_tenant_spent_tokens_total"));
    }
}
