using FleetRouter.Domain.Tenants;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Tenants;
using FleetRouter.Storage.Tests;

namespace FleetRouter.Orleans.Tests;

/// <summary>A tenant's budget holds in the whole cluster, whichever gateways it spends through and whichever of them are lost.</summary>
public sealed class TenantTests
{
    private const long Cost = 10;
    private static readonly TokenBudget Budget = new(2_000, TimeSpan.FromDays(300));

    [Fact]
    public async Task Gateways_together_spend_no_token_too_many_though_the_account_goes_with_its_silo()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        string members = await LostPoolTests.MembersAsync(server);
        Silo[] silos = await Task.WhenAll(SiloUnderTest.StartAsync(database: members), SiloUnderTest.StartAsync(database: members));
        await using Silo one = silos[0], two = silos[1];
        long spent = await SpendAsync(one, "one", 60) + await SpendAsync(two, "two", 60);
        Assert.Equal(120 * Cost, spent);
        await one.DisposeAsync();   // the account with it
        spent += await SpendAsync(two, "three", int.MaxValue);
        Assert.InRange(spent, Budget.Tokens * 9 / 10, Budget.Tokens);
        Assert.Equal(0, await SpendAsync(two, "four", int.MaxValue));
    }

    [Fact]
    public async Task Gateways_that_spend_at_once_share_what_there_is()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        string members = await LostPoolTests.MembersAsync(server);
        Silo[] silos = await Task.WhenAll(SiloUnderTest.StartAsync(database: members), SiloUnderTest.StartAsync(database: members));
        await using Silo one = silos[0], two = silos[1];
        int begun = 0;
        var bothBegun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long[] spent = await Task.WhenAll(SpendAsync(one, "one", int.MaxValue, Begun), SpendAsync(two, "two", int.MaxValue, Begun));
        Assert.InRange(spent.Sum(), Budget.Tokens * 9 / 10, Budget.Tokens);
        Assert.All(spent, s => Assert.True(s > 0));

        // Neither has spent all before the other is there.
        Task Begun()
        {
            if (Interlocked.Increment(ref begun) == 2)
                bothBegun.SetResult();
            return bothBegun.Task.WaitAsync(TimeSpan.FromMinutes(1));
        }
    }

    /// <summary>Spends until that many requests are served or one is refused; the tokens spent.</summary>
    private static async Task<long> SpendAsync(Silo silo, string gateway, int requests, Func<Task>? afterFirst = null)
    {
        var trouble = new List<string>();
        await using var ledger = new LedgerHost("tenant", gateway, Budget, silo, new HostClock(TimeProvider.System), (_, why) => trouble.Add(why));
        long spent = 0;
        for (int i = 0; i < requests; i++)
        {
            if (await ledger.ReserveAsync($"{gateway}-{i}", Cost, CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1)) is not null)
                break;
            ledger.Settle($"{gateway}-{i}", Cost);
            spent += Cost;
            await (i == 0 && afterFirst is not null ? afterFirst() : Task.CompletedTask);
            await Task.Yield();
        }
        Assert.Empty(trouble);
        return spent;
    }
}
