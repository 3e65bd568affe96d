using System.Net;
using System.Security.Cryptography;
using System.Text;
using FleetRouter.EngineSim;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.LoadGen.Chaos;
using FleetRouter.LoadGen.Demo;
using FleetRouter.Orleans.Tests.Wire;
using FleetRouter.Storage;
using FleetRouter.Storage.Tests;

namespace FleetRouter.Orleans.Tests.Versions;

/// <summary>An upgrade takes the gateways of a cluster one after the other, so two builds have to work as one: each with the other's pool.</summary>
public sealed class TwoBuildsTests : IAsyncLifetime
{
    private const string Pool = "p", Elsewhere = "elsewhere", AnyKey = "any", FirstTenant = "first", SecondTenant = "second";
    private const int Requests = 20, Budget = 4_000;

    private readonly ClusterClients _clients = new();
    private EngineFleet _engines = null!;

    public async ValueTask InitializeAsync() => _engines = await EngineFleet.StartAsync(new EngineSimOptions { Count = 3, TimeScale = 20 });

    public async ValueTask DisposeAsync()
    {
        _clients.Dispose();
        await _engines.DisposeAsync();
    }

    [Fact]
    public async Task What_the_oldest_peer_speaks_this_build_speaks()
    {
        string[] then = (await OldestPeer.FileAsync(WireContractTests.Contract)).Split('\n', StringSplitOptions.RemoveEmptyEntries), now = File.ReadAllLines(Path.Combine(CheckoutFolder.Root, WireContractTests.Contract));
        Assert.NotEmpty(then);
        string[] gone = [.. then.Except(now)];
        Assert.True(gone.Length == 0, $"a cluster of the build of {OldestPeer.Written} cannot be upgraded to this one, which does not speak: {string.Join("; ", gone)}. "
            + "Leave it in; where the wire is broken on purpose, write the commit that breaks it there and in the changelog that the cluster is to be stopped whole");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_build_works_with_the_pool_of_the_other_and_takes_it_over(bool firstIsKilled)
    {
        string before = await OldestPeer.GatewayAsync();
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        DatabaseAddress database = await server.NewDatabaseAsync();
        await using GatewayProcess old = await GatewayProcess.StartAsync("the build before", before, database, () => Configuration(Pool));
        await old.UntilReadyAsync(_clients.Http);
        // A build from before a migration cannot be started after it: this one runs from the start, and comes to the pool later.
        await using GatewayProcess late = await GatewayProcess.StartAsync("another of the build before", before, database, () => Configuration(Elsewhere));
        await using GatewayProcess now = await GatewayProcess.StartAsync("this build", GatewayProcess.OfThisBuild, database, () => Configuration(Pool));
        await now.UntilReadyAsync(_clients.Http);
        ClusterClients.Conversation conversation = _clients.Converse(AnyKey);

        await WorkTogetherAsync(host: old, guest: now, conversation, FirstTenant);
        await TakesOverAsync(now, () => EndAsync(old, firstIsKilled));
        await conversation.GoOnAsync(now);
        Assert.Equal(0, await _clients.SpendAllAsync(FirstTenant, now));

        await late.ChangeAsync(Configuration(Pool));
        await ReachesAsync(late);
        await WorkTogetherAsync(host: now, guest: late, conversation, SecondTenant);
        await TakesOverAsync(late, () => EndAsync(now, !firstIsKilled));
        await conversation.GoOnAsync(late);
        Assert.Equal(0, await _clients.SpendAllAsync(FirstTenant, late) + await _clients.SpendAllAsync(SecondTenant, late));
    }

    /// <summary>Requests through both are decided by the one pool; what a client began through one goes on through the other.</summary>
    private async Task WorkTogetherAsync(GatewayProcess host, GatewayProcess guest, ClusterClients.Conversation conversation, string tenant)
    {
        // Where cores are few a process may be late for once, and the other then places for itself: but not for ever.
        await Eventually.Is(() => ElsewhereAsync(host, guest, conversation), elsewhere => elsewhere == 0);

        await IsMovedAsync(host, guest);
        await IsMovedAsync(guest, host);
        Assert.InRange(await _clients.SpendAllAsync(tenant, host, guest), Budget * 7 / 10, Budget);
    }

    /// <summary>Requests through both, each decided by the host's pool; how many of them a gateway placed by itself.</summary>
    private async Task<double> ElsewhereAsync(GatewayProcess host, GatewayProcess guest, ClusterClients.Conversation conversation)
    {
        MetricsReading[] before = [await _clients.MetricsAsync(host), await _clients.MetricsAsync(guest)];
        await Task.WhenAll(Enumerable.Range(0, Requests).SelectMany(_ => new[] { _clients.ChatAsync(host, AnyKey), _clients.ChatAsync(guest, AnyKey) }));
        string home = await conversation.GoOnAsync(host);
        Assert.Equal(home, await conversation.GoOnAsync(guest));
        Assert.Equal(home, await conversation.GoOnAsync(host));
        MetricsReading[] after = [await _clients.MetricsAsync(host), await _clients.MetricsAsync(guest)];
        double elsewhere = Fallbacks(after) - Fallbacks(before);
        Assert.InRange(Decisions(after[0]) - Decisions(before[0]), 2 * Requests + 3 - elsewhere, 2 * Requests + 3);
        Assert.Equal(0, Decisions(after[1]) - Decisions(before[1]));
        return elsewhere;
    }

    /// <summary>An answer that runs through one is carried over, since an operator drains its engine through the other.</summary>
    private async Task IsMovedAsync(GatewayProcess serves, GatewayProcess drains)
    {
        double before = Moves(await _clients.MetricsAsync(serves));
        using ClusterClients.LongAnswer answer = await _clients.BeginLongAsync(serves, AnyKey, 100_000);
        var path = new Uri(drains.Admin, $"/admin/fleet/{Pool}/instances/{answer.Engine}/drain");
        using HttpResponseMessage empty = await _clients.Http.PostAsync(path + "?within=0s&wait=30s", null);
        Assert.True(empty.StatusCode == HttpStatusCode.OK, await empty.Content.ReadAsStringAsync());
        await answer.GoesOnAsync();
        await Eventually.Is(async () => Moves(await _clients.MetricsAsync(serves)), moves => moves > before);
        (await _clients.Http.DeleteAsync(path)).EnsureSuccessStatusCode();
    }

    /// <summary>While the pool's silo ends, nobody who asks the other is failed, and that has the pool in the end.</summary>
    private async Task TakesOverAsync(GatewayProcess heir, Func<Task> end)
    {
        using var enough = new CancellationTokenSource();
        Task asking = Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            while (!enough.IsCancellationRequested)
                await _clients.ChatAsync(heir, AnyKey);
        }));
        try
        {
            await end();
            await Eventually.Is(() => _clients.MetricsAsync(heir), m => m.Sum("fleetrouter_pool_reached") > 0 && m.SumBy("fleetrouter_instance_leases", "pool").ContainsKey(Pool));
        }
        finally
        {
            await enough.CancelAsync();
        }
        await asking;
    }

    /// <summary>Told to end, it serves what it has.</summary>
    private async Task EndAsync(GatewayProcess gateway, bool isKilled)
    {
        if (isKilled)
        {
            await gateway.KillAsync();
            return;
        }
        using ClusterClients.LongAnswer answer = await _clients.BeginLongAsync(gateway, AnyKey, tokens: 4_000);
        await Task.WhenAll(gateway.StopAsync(), answer.Whole);
    }

    private Task ReachesAsync(GatewayProcess gateway) =>
        Eventually.Is(() => _clients.MetricsAsync(gateway), m => m.SumBy("fleetrouter_pool_reached", "pool").GetValueOrDefault(Pool) > 0);

    private static double Decisions(MetricsReading metrics) => metrics.Sum("fleetrouter_decisions_total");

    private static double Moves(MetricsReading metrics) => metrics.SumBy("fleetrouter_resumes_total", "reason") is var by ? by.GetValueOrDefault("moved") + by.GetValueOrDefault("migrated") : 0;

    private static double Fallbacks(IEnumerable<MetricsReading> metrics) => metrics.Sum(m => m.Sum("fleetrouter_fallback_placements_total"));

    private string Configuration(string pool) => $"""
        cluster:
          silo: 127.0.0.1:{LocalPostgres.FreePort()}
          placementBudget: 1s
        apiKeys:
          - name: {AnyKey}
            sha256: {Sha256(AnyKey)}
        tenants:
        {Tenant(FirstTenant)}
        {Tenant(SecondTenant)}
        pools:
          - name: {pool}
            templateTokens: 50
            instances:
        {string.Concat((pool == Pool ? _engines.Addresses : [new Uri("http://127.0.0.1:1")]).Select(engine => $"      - url: http://{engine.Authority}\n"))}
        """;

    private static string Tenant(string name) => $"""
          - name: {name}
            tokens: {Budget}
            per: 365d
            apiKeys:
              - name: {name}
                sha256: {Sha256(name)}
        """;

    private static string Sha256(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
