using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Hosting;
using FleetRouter.LoadGen.Demo;
using FleetRouter.Storage;
using FleetRouter.Storage.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace FleetRouter.Orleans.Tests;

/// <summary>A pool that does not answer, or goes with its silo, costs no request.</summary>
public sealed class LostPoolTests
{
    private static readonly PoolOptions Options = new() { Name = ScriptedFleet.Pool, Policy = "round-robin" };

    private static PlacementRequest Request(string id, string? session = null) =>
        new() { Id = id, Model = "m", Api = ApiKind.Chat, PromptTokens = 100, MaxOutputTokens = 50, SessionId = session };

    private static async Task<IPool> StartAsync(Silo silo, ScriptedFleet fleet, PoolOptions? options = null)
    {
        IPool pool = await silo.StartAsync(fleet.Setup(options ?? Options));
        await Eventually.Is(() => Task.FromResult(pool.Served), s => s.Models is [{ ReadyInstances: 3 }]);
        return pool;
    }

    private static ScriptedFleet Fleet()
    {
        var fleet = new ScriptedFleet();
        fleet.Names(ScriptedFleet.Engine(1), ScriptedFleet.Engine(2), ScriptedFleet.Engine(3));
        return fleet;
    }

    [Fact]
    public async Task A_pool_that_stands_still_is_not_waited_for_and_counts_afterwards_what_was_placed_without_it()
    {
        using var standsStill = new ManualResetEventSlim(initialState: true);
        using var isAsked = new SemaphoreSlim(0);
        await using Silo silo = await SiloUnderTest.StartAsync((_, effect) =>
        {
            if (effect is not Dispatch { RequestId: "stuck", Decision.Rule: not PlacementRule.Fallback })
                return;
            isAsked.Release();
            standsStill.Wait();
        }, budget: TimeSpan.FromMilliseconds(100));
        ScriptedFleet fleet = Fleet();
        IPool pool = await StartAsync(silo, fleet);
        standsStill.Reset();
        Task<Placement> stuck = pool.PlaceAsync(Request("stuck"), CancellationToken.None);
        Assert.True(await isAsked.WaitAsync(TimeSpan.FromMinutes(1)));

        try
        {
            Placement first = await stuck.WaitAsync(TimeSpan.FromMinutes(1));
            Placement second = await pool.PlaceAsync(Request("b"), CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1));
            Placement third = await pool.RetryAsync("b", AttemptFailure.Unreachable, "refused", 0, CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1));
            Assert.All([first, second, third], placed => Assert.NotNull(placed.Instance));
            Assert.NotEqual(second.Instance, third.Instance);

            standsStill.Set();
            PoolView view = await Eventually.Is(pool.DescribeAsync, v => v.Instances.Sum(i => i.Leases) == 2 && v.Instances.Single(i => i.Id == third.Instance).Leases > 0);
            Assert.True(view.Instances.Single(i => i.Id == first.Instance).Leases > 0);
            pool.Ended("stuck", RequestEnd.Completed, null);
            pool.Ended("b", RequestEnd.Completed, null);
            await Eventually.Is(pool.DescribeAsync, v => v.Instances.All(i => i.Leases == 0));
        }
        finally
        {
            standsStill.Set();
        }
    }

    [Fact]
    public async Task What_a_pool_lost_with_its_silo_is_told_anew_by_the_gateways_that_are_left()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        string members = await MembersAsync(server);
        ScriptedFleet fleet = Fleet();
        Silo[] silos = await Task.WhenAll(SiloUnderTest.StartAsync(database: members), SiloUnderTest.StartAsync(database: members));
        await using Silo one = silos[0], two = silos[1];
        IPool[] pools = await Task.WhenAll(silos.Select(silo => StartAsync(silo, fleet)));
        int host = Array.FindIndex(silos, silo => silo.Here(ScriptedFleet.Pool) is not null);
        Assert.Null(silos[1 - host].Here(ScriptedFleet.Pool));
        IPool left = pools[1 - host];

        Placement mine = await left.PlaceAsync(Request("mine", session: "s"), CancellationToken.None);
        await pools[host].PlaceAsync(Request("theirs"), CancellationToken.None);
        left.Progressed("mine", 7);
        await Eventually.Is(left.DescribeAsync, v => v.Instances.Sum(i => i.Leases) == 2 && v.Instances.Sum(i => i.PendingPrefillTokens) == 100);

        await silos[host].DisposeAsync();
        PoolView view = await Eventually.Is(() => DescribeAsync(left), v => v?.Instances.Sum(i => i.Leases) == 1) ?? throw new InvalidOperationException();
        InstanceView instance = view.Instances.Single(i => i.Leases == 1);
        Assert.Equal((mine.Instance, 0L), (instance.Id, instance.PendingPrefillTokens));
        Assert.NotNull(silos[1 - host].Here(ScriptedFleet.Pool));
        Assert.Equal(1, view.Sessions);
        Placement next = await left.PlaceAsync(Request("next"), CancellationToken.None);
        Assert.NotNull(next.Instance);
    }

    [Fact]
    public async Task Each_engine_is_probed_by_one_silo_only()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        string members = await MembersAsync(server);
        var seen = new[] { Fleet(), Fleet() };
        await using Silo one = await SiloUnderTest.StartAsync(database: members), two = await SiloUnderTest.StartAsync(database: members);
        await Task.WhenAll(StartAsync(one, seen[0]), StartAsync(two, seen[1]));
        Dictionary<string, int>[] counts = [.. seen.Select(f => f.ProbesByEngine())];
        Assert.Equal(3, counts.Sum(c => c.Count));
    }

    [Fact]
    public async Task Members_that_were_killed_all_at_once_keep_nobody_from_joining()
    {
        await using PostgresServer server = await PostgresServer.StartNewAsync();
        DatabaseAddress address = await MigratedAsync(server);
        await PostgresServer.ExecuteAsync(address, $"""
            insert into fleetrouter.member_versions values ('fleetrouter', 7);
            insert into fleetrouter.members values ('fleetrouter', '127.0.0.1', {LocalPostgres.FreePort()}, 1, 'killed', 'here', 3, 0, null, now(), now());
            """);
        await using Silo silo = await SiloUnderTest.StartAsync(database: address.OfSchema());
        IPool pool = await StartAsync(silo, Fleet());
        Assert.NotNull((await pool.PlaceAsync(Request("a"), CancellationToken.None)).Instance);
        Assert.Equal(1L, await PostgresServer.ExecuteAsync(address, "select count(*) from fleetrouter.members where silo_name = 'killed' and status = 6"));
    }

    private static async Task<PoolView?> DescribeAsync(IPool pool)
    {
        try
        {
            return await pool.DescribeAsync();
        }
        catch (PoolUnavailableException)
        {
            return null;
        }
    }

    internal static async Task<string> MembersAsync(PostgresServer server) => (await MigratedAsync(server)).OfSchema();

    internal static async Task<DatabaseAddress> MigratedAsync(PostgresServer server)
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await using var database = new Database(new DatabaseOptions { Address = address }, NullLoggerFactory.Instance);
        await database.OpenAsync();
        return address;
    }
}
