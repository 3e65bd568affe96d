using System.Net;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Admin;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Hosting.Journal;

namespace FleetRouter.Gateway.Tests.Admin;

/// <summary>The operator's drain, by the admin API and by its verb.</summary>
public sealed class DrainTests
{
    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();

    private static Task<GatewayUnderTest> StartAsync() => GatewayUnderTest.StartAsync(GatewayUnderTest.Fast());

    private static string Name(GatewayUnderTest gateway, int engine) => gateway.Engines!.Addresses[engine].Authority;

    private static async Task<(HttpStatusCode Status, InstanceView View)> AskAsync(GatewayUnderTest gateway, HttpMethod method, string instance, string query = "")
    {
        using var request = new HttpRequestMessage(method, $"/admin/fleet/{GatewayUnderTest.Pool}/instances/{instance}/drain{query}");
        using HttpResponseMessage answer = await gateway.Admin.SendAsync(request);
        return (answer.StatusCode, JsonSerializer.Deserialize<InstanceView>(await answer.Content.ReadAsStringAsync(), JournalJson.Options)!);
    }

    private async Task<int> VerbAsync(GatewayUnderTest gateway, string instance, bool undo = false, string? pool = null, TimeSpan wait = default, string? json = null) =>
        await DrainVerb.RunAsync(new DrainOrder(instance, pool, undo, DrainOrdered.Usual, wait), new Uri(gateway.Server.AdminAddress), json, _output, _errors, CancellationToken.None);

    [Fact]
    public async Task An_idle_instance_is_empty_at_once_takes_nothing_more_and_works_again_when_that_is_taken_back()
    {
        await using GatewayUnderTest gateway = await StartAsync();
        (HttpStatusCode status, InstanceView view) = await AskAsync(gateway, HttpMethod.Post, Name(gateway, 0), "?wait=30s");
        Assert.Equal((HttpStatusCode.OK, InstanceState.Draining, 0), (status, view.State, view.Leases));
        for (int n = 0; n < 6; n++)
            Assert.Equal(HttpStatusCode.OK, (await gateway.PostAsync("/v1/chat/completions", GatewayUnderTest.Chat($"prompt {n}", 2))).StatusCode);
        using JsonDocument decisions = JsonDocument.Parse(await gateway.Admin.GetStringAsync("/admin/decisions"));
        Assert.All(decisions.RootElement.EnumerateArray(), d => Assert.Equal(Name(gateway, 1), d.GetProperty("decision").GetProperty("instance").GetString()));

        Assert.Equal(HttpStatusCode.OK, (await AskAsync(gateway, HttpMethod.Delete, Name(gateway, 0))).Status);
        await gateway.UntilAsync(state => state.Ready == 2, "the instance ready again");
    }

    [Fact]
    public async Task Who_waits_is_answered_on_the_event_that_empties_the_instance()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        using var client = new CancellationTokenSource();
        using HttpResponseMessage stream = await gateway.BeginAsync("/v1/chat/completions", GatewayUnderTest.Endless("on and on"), client.Token);
        Assert.Equal((HttpStatusCode.Accepted, 1), await Brief(AskAsync(gateway, HttpMethod.Post, Name(gateway, 0))));
        Task<(HttpStatusCode, InstanceView)> waits = AskAsync(gateway, HttpMethod.Post, Name(gateway, 0), "?wait=10m");
        Assert.Equal((HttpStatusCode.Accepted, 1), await Brief(AskAsync(gateway, HttpMethod.Post, Name(gateway, 0), "?wait=10ms")));
        Assert.False(waits.IsCompleted);
        stream.Dispose();
        await client.CancelAsync();
        Assert.Equal((HttpStatusCode.OK, 0), await Brief(waits));
        Assert.Contains("empty", (await waits).Item2.Reason);

        static async Task<(HttpStatusCode, int)> Brief(Task<(HttpStatusCode Status, InstanceView View)> asked) => ((await asked).Status, (await asked).View.Leases);
    }

    [Theory]
    [InlineData("/admin/fleet/nobody/instances/a:1/drain", 404, "no pool is called 'nobody'; known: test")]
    [InlineData("/admin/fleet/test/instances/a:1/drain", 404, "no instance of pool 'test' is called 'a:1'; known: 127.0.0.1:")]
    [InlineData("/admin/fleet/test/instances/a:1/drain?wait=soon", 400, "wait: ")]
    [InlineData("/admin/fleet/test/instances/a:1/drain?within=soon", 400, "within: ")]
    public async Task What_is_unknown_or_unreadable_is_named(string path, int status, string message)
    {
        await using GatewayUnderTest gateway = await StartAsync();
        using HttpResponseMessage answer = await gateway.Admin.PostAsync(path, null);
        using JsonDocument json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.StartsWith(message, json.RootElement.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task The_verb_finds_the_pool_and_succeeds_only_when_the_instance_is_empty()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        string name = Name(gateway, 0), file = Path.Combine(Path.GetTempPath(), $"drain-{Guid.NewGuid():n}.json");
        using var client = new CancellationTokenSource();
        using (HttpResponseMessage stream = await gateway.BeginAsync("/v1/chat/completions", GatewayUnderTest.Endless("on and on"), client.Token))
        {
            Assert.Equal(1, await VerbAsync(gateway, name));
            Assert.Contains($"fleet drain: {name} still has 1 request", _errors.ToString());
        }
        await client.CancelAsync();
        try
        {
            Assert.Equal(0, await VerbAsync(gateway, name, wait: TimeSpan.FromMinutes(1), json: file));
            Assert.Contains($"{name} of pool test is empty", _output.ToString());
            Assert.Equal(InstanceState.Draining, JsonSerializer.Deserialize<InstanceView>(await File.ReadAllTextAsync(file), JournalJson.Options)!.State);
        }
        finally
        {
            File.Delete(file);
        }
        Assert.Equal(0, await VerbAsync(gateway, name, undo: true));
        await gateway.ServesOnAsync();
    }

    [Fact]
    public async Task The_verb_says_in_one_line_what_it_does_not_find()
    {
        await using GatewayUnderTest gateway = await StartAsync();
        Assert.Equal(1, await VerbAsync(gateway, "a:1"));
        Assert.Equal(1, await VerbAsync(gateway, "a:1", pool: "nobody"));
        Assert.Equal(1, await DrainVerb.RunAsync(new DrainOrder("a:1", null, false, default, default), new Uri("http://127.0.0.1:9"), null, _output, _errors, CancellationToken.None));
        string[] lines = _errors.ToString().TrimEnd().Split(Environment.NewLine);
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("fleet drain: no instance is called 'a:1'; known: 127.0.0.1:", lines[0]);
        Assert.StartsWith("fleet drain: no pool is called 'nobody'; known: test", lines[1]);
        Assert.StartsWith("fleet drain: http://127.0.0.1:9/ does not answer as a gateway's admin API", lines[2]);
        Assert.Empty(_output.ToString());
    }
}
