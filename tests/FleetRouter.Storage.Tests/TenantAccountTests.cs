using FleetRouter.Domain.Tenants;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using FleetRouter.Hosting.Tenants;
using FleetRouter.Storage.Tenants;

namespace FleetRouter.Storage.Tests;

public sealed class TenantAccountTests(SharedServer server) : IAsyncDisposable
{
    private static readonly TokenBudget Yearly = new(100_000, TimeSpan.FromDays(365));   // no window that turns meanwhile

    private readonly List<Database> _databases = [];

    private async Task<PostgresTenantAccounts> OpenAsync(DatabaseAddress address)
    {
        var database = new Database(new DatabaseOptions { Address = address }, new LogLines());
        _databases.Add(database);
        await database.OpenAsync();
        return new PostgresTenantAccounts(database);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Database database in _databases)
            await database.DisposeAsync();
    }

    private static LeaseAsk Ask(string gateway, long needs) => new("acme", Yearly, gateway, null, 0, 0, needs, needs);

    [Fact]
    public async Task An_account_outlasts_its_gateways_and_knows_an_ask_that_comes_again()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        LeaseGrant one = await (await OpenAsync(address)).LeaseAsync(Ask("one", 30_000), CancellationToken.None);
        PostgresTenantAccounts later = await OpenAsync(address);
        Assert.Equal((30_000L, 70_000L), (one.Granted, one.Free));
        LeaseGrant again = await later.LeaseAsync(Ask("one", 30_000), CancellationToken.None);
        Assert.Equal((30_000L, 70_000L, one.Window), (again.Granted, again.Free, again.Window));
        Assert.Equal(70_000, (await later.LeaseAsync(Ask("two", 70_000), CancellationToken.None)).Granted);
        Assert.Equal(0, (await later.LeaseAsync(Ask("three", 1), CancellationToken.None)).Granted);
        TimeSpan left = Yearly.EndOfWindow(DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch) - (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch);
        Assert.InRange(one.EndsIn, left - TimeSpan.FromMinutes(5), left + TimeSpan.FromMinutes(5));   // the server's clock is this machine's
    }

    [Fact]
    public async Task Gateways_that_ask_at_once_get_the_budget_and_no_more()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        PostgresTenantAccounts[] accounts = [await OpenAsync(address), await OpenAsync(address)];
        LeaseGrant[] grants = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(() => accounts[i % 2].LeaseAsync(Ask($"gateway-{i}", 2_500), CancellationToken.None))));
        Assert.Equal(Yearly.Tokens, grants.Sum(g => g.Granted));
        Assert.All(grants, g => Assert.True(g.Granted is 0 or 2_500));
    }

    [Fact]
    public async Task Several_gateways_spend_at_once_what_there_is()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        var clock = new HostClock(TimeProvider.System);
        List<LedgerHost> gateways = [];
        for (int i = 0; i < 3; i++)
            gateways.Add(new LedgerHost("acme", $"gateway-{i}", Yearly, await OpenAsync(address), clock, (_, reason) => Assert.Fail(reason)));
        long[] spent = await Task.WhenAll(Enumerable.Range(0, 12).Select(client => Task.Run(() => SpendAsync(gateways[client % 3], client))));
        Assert.InRange(spent.Sum(), Yearly.Tokens / 2, Yearly.Tokens);
        foreach (LedgerHost gateway in gateways)
            await gateway.DisposeAsync();
        // What was left lying with gateways was given back when they stopped: the account knows to the token what was spent.
        LeaseGrant rest = await (await OpenAsync(address)).LeaseAsync(Ask("another", 0), CancellationToken.None);
        Assert.Equal(Yearly.Tokens - spent.Sum(), rest.Free);
    }

    private static async Task<long> SpendAsync(LedgerHost gateway, int seed)
    {
        var random = new Random(seed);
        long spent = 0;
        for (int i = 0; ; i++)
        {
            long most = 1 + random.Next(2_000), tokens = 1 + random.NextInt64(most);
            string id = $"{seed}-{i}";
            if (await gateway.ReserveAsync(id, most, CancellationToken.None) is { } denied)
            {
                Assert.Equal(DenialReason.Exhausted, denied.Reason);
                return spent;
            }
            gateway.Settle(id, tokens);
            spent += tokens;
        }
    }

    [Fact]
    public async Task An_account_whose_database_is_away_says_so()
    {
        await using PostgresServer own = await PostgresServer.StartNewAsync();
        PostgresTenantAccounts accounts = await OpenAsync(await own.NewDatabaseAsync());
        Assert.Equal(5, (await accounts.LeaseAsync(Ask("one", 5), CancellationToken.None)).Granted);
        await own.StopAsync();
        await Assert.ThrowsAsync<TenantAccountUnavailableException>(() => accounts.LeaseAsync(Ask("one", 10), CancellationToken.None));
    }
}
