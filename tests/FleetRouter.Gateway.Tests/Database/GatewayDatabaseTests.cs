using System.Net;
using System.Text.Json;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Gateway.Why;
using FleetRouter.Storage;
using FleetRouter.Storage.Tests;

namespace FleetRouter.Gateway.Tests.Database;

/// <summary>A gateway with a database, which it can do without.</summary>
public sealed class GatewayDatabaseTests : IDisposable
{
    private readonly string _secret = Path.GetTempFileName();

    public void Dispose() => File.Delete(_secret);

    private Task<GatewayUnderTest> StartAsync(string connectionString, Func<DatabaseSection, DatabaseSection>? with = null)
    {
        File.WriteAllText(_secret, connectionString + "\n");
        var section = new DatabaseSection { ConnectionString = new SecretSource(null, _secret) };
        return GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(2), gateway: o => o with { Database = with?.Invoke(section) ?? section });
    }

    private static async Task<HttpStatusCode> AskAsync(GatewayUnderTest gateway)
    {
        using HttpResponseMessage answer = await gateway.Http.PostAsync("/v1/chat/completions", new StringContent(GatewayUnderTest.Chat("hello", 4)));
        return answer.StatusCode;
    }

    /// <summary>Asks for the metrics page until it says <paramref name="line"/>, serving requests meanwhile.</summary>
    private static async Task UntilAsync(GatewayUnderTest gateway, string line)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!(await gateway.Http.GetStringAsync("/metrics", late.Token)).Split('\n').Contains(line))
            Assert.Equal(HttpStatusCode.OK, await AskAsync(gateway));
    }

    [Fact]
    public async Task Requests_are_served_whether_or_not_the_database_is_there()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        DatabaseAddress address = await server.NewDatabaseAsync();
        await using GatewayUnderTest gateway = await StartAsync(address.Single());
        await UntilAsync(gateway, "fleetrouter_database_up 1");
        await UntilAsync(gateway, "fleetrouter_provisioner 1");
        await server.StopAsync();
        await UntilAsync(gateway, "fleetrouter_provisioner 0");
        await server.StartAsync();
        await UntilAsync(gateway, "fleetrouter_provisioner 1");
        await UntilAsync(gateway, "fleetrouter_database_up 1");
    }

    [Fact]
    public async Task A_conversation_outlasts_its_gateway_and_an_outage_of_its_database()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        DatabaseAddress address = await server.NewDatabaseAsync();
        await using GatewayUnderTest other = await StartAsync(address.Single());
        string third;
        await using (GatewayUnderTest one = await GatewayUnderTest.StartAsync(instances: other.Engines!.Addresses, gateway: WithDatabase))
        {
            string first = await TurnAsync(one, "one");
            await server.StopAsync();
            await UntilAsync(one, "fleetrouter_provisioner 0");
            await UntilAsync(other, "fleetrouter_provisioner 0");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await SayAsync(other, "two", first)).Status);
            string second = await TurnAsync(one, "two");   // begins anew, and waits in the buffer
            third = await TurnAsync(one, "three", second);
            await server.StartAsync();
            await UntilAsync(one, "fleetrouter_database_up 1");
        }
        await UntilAsync(other, "fleetrouter_database_up 1");
        string fourth = await TurnAsync(other, "four", third);
        Assert.Equal(HttpStatusCode.OK, (await other.Http.GetAsync("/v1/responses/" + fourth)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await other.Http.DeleteAsync("/v1/responses/" + third)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await SayAsync(other, "five", fourth)).Status);
    }

    private static async Task<(HttpStatusCode Status, string Body)> SayAsync(GatewayUnderTest gateway, string input, string? previous = null)
    {
        string body = JsonSerializer.Serialize(new { model = GatewayUnderTest.Model, input, max_output_tokens = 4, previous_response_id = previous });
        using HttpResponseMessage answer = await gateway.Http.PostAsync("/v1/responses", new StringContent(body));
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static async Task<string> TurnAsync(GatewayUnderTest gateway, string input, string? previous = null)
    {
        (HttpStatusCode status, string body) = await SayAsync(gateway, input, previous);
        Assert.True(status == HttpStatusCode.OK, body);
        return JsonDocument.Parse(body).RootElement.GetProperty("id").GetString()!;
    }

    private GatewayOptions WithDatabase(GatewayOptions options) => options with { Database = new DatabaseSection { ConnectionString = new SecretSource(null, _secret) } };

    [Fact]
    public async Task Why_tells_from_the_database_what_two_gateways_decided()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        DatabaseAddress address = await server.NewDatabaseAsync();
        for (int run = 0; run < 2; run++)
        {
            await using GatewayUnderTest gateway = await StartAsync(address.Single(), o => o with { Journal = true });
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(GatewayUnderTest.Chat("hello", 4)) };
            request.Headers.Add("x-request-id", $"request-{run}");
            using HttpResponseMessage answer = await gateway.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        using StringWriter output = new(), errors = new();
        int code = await WhyVerb.FromDatabaseAsync("request-0", new SecretSource(null, _secret), null, output, errors, CancellationToken.None);
        Assert.True(code == 0, errors.ToString() + output);
        Assert.Contains("request-0", output.ToString());
        Assert.Equal(1, await WhyVerb.FromDatabaseAsync("request-2", new SecretSource(null, _secret), null, output, errors, CancellationToken.None));
    }

    [Fact]
    public async Task A_budget_is_shared_by_gateways_on_one_database_and_outlasts_them()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        File.WriteAllText(_secret, (await server.NewDatabaseAsync()).Single());
        Func<GatewayOptions, GatewayOptions> with = o => WithDatabase(o) with
        {
            Tenants = [new TenantSection { Name = "acme", Tokens = 2_000, Per = TimeSpan.FromDays(365), ApiKeys = [Budgets.BudgetTests.Key("key")] }],
            Pools = [.. o.Pools.Select(p => p with { TemplateTokens = 50 })],
        };
        long spent = 0;
        await using GatewayUnderTest other = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(2), gateway: with);
        for (int life = 0; life < 2; life++)
        {
            await using GatewayUnderTest one = await GatewayUnderTest.StartAsync(instances: other.Engines!.Addresses, gateway: with);
            spent += await PaidAsync(one, 500) + await PaidAsync(other, 300);
        }
        Assert.InRange(spent, 1_000, 2_000);
        // A gateway that knew nothing of the others would find this within the budget.
        await using GatewayUnderTest third = await GatewayUnderTest.StartAsync(instances: other.Engines!.Addresses, gateway: with);
        Assert.Equal(0, await PaidAsync(third, 1_500));
    }

    /// <summary>Asks for an answer of so many tokens; the tokens it cost, or 0 if the budget did not suffice.</summary>
    private static async Task<long> PaidAsync(GatewayUnderTest gateway, int tokens)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(GatewayUnderTest.Chat("hello", tokens, ignoreEos: true)) };
        request.Headers.Add("x-api-key", "key");
        using HttpResponseMessage answer = await gateway.Http.SendAsync(request);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, text);
        await gateway.NoLeaseLeft();   // what is settled is settled by then
        return answer.StatusCode == HttpStatusCode.OK ? JsonDocument.Parse(text).RootElement.GetProperty("usage").GetProperty("total_tokens").GetInt64() : 0;
    }

    [Fact]
    public async Task Without_a_database_a_gateway_provisions_for_itself()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync();
        Assert.Contains("fleetrouter_provisioner 1", (await gateway.Http.GetStringAsync("/metrics")).Split('\n'));
    }

    [Fact]
    public async Task A_connection_string_that_is_none_ends_the_start_and_is_not_shown()
    {
        var refused = await Assert.ThrowsAsync<DatabaseException>(() => StartAsync("Host=db;Pasword=hush"));
        Assert.StartsWith($"the connection string in file:{_secret} cannot be read; write Host=NAME", refused.Message);
        Assert.DoesNotContain("hush", refused.ToString());
    }

    [Fact]
    public async Task A_secret_that_is_not_there_ends_the_start()
    {
        var missing = new GatewayOptions { Database = new DatabaseSection { ConnectionString = new SecretSource(null, _secret + ".not") } };
        var refused = await Assert.ThrowsAsync<IOException>(() => GatewayServer.StartAsync(missing));
        Assert.StartsWith($"the secret's file {_secret}.not cannot be read (", refused.Message);
    }
}
