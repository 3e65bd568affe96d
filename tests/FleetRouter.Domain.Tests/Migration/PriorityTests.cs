using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Migration;

/// <summary>High priority goes first wherever requests wait.</summary>
public sealed class PriorityTests
{
    [Fact]
    public void Of_those_held_for_any_instance_high_priority_is_placed_first()
    {
        PoolDriver pool = PoolDriver.WithReady(MigratingPools.Options("round-robin") with { MaxRequestsPerInstance = 1 }, "a");
        PlacementRequest running = pool.Ask(4), normal = pool.Ask(4), high = pool.Ask(4, priority: 1);
        pool.Place(running);
        Assert.IsType<Held>(pool.Arrive(normal));
        Assert.IsType<Held>(pool.Arrive(high));
        Assert.Equal(high.Id, Assert.Single(pool.End(running.Id).OfType<Dispatch>()).RequestId);
        Assert.Equal(normal.Id, Assert.Single(pool.End(high.Id).OfType<Dispatch>()).RequestId);
    }

    [Fact]
    public void It_overtakes_who_waits_already_where_there_is_room_for_it_alone()
    {
        PoolDriver pool = PoolDriver.WithReady(MigratingPools.Options("round-robin"), "a");
        pool.Place(pool.Ask(100));
        Assert.IsType<Held>(pool.Arrive(pool.Ask(100)));
        Assert.IsType<Held>(pool.Arrive(pool.Ask(10)));   // it does not overtake
        Assert.IsType<Dispatch>(pool.Arrive(pool.Ask(10, priority: 1)));
    }

    [Fact]
    public void Of_those_that_wait_for_one_instance_it_goes_before_the_more_urgent()
    {
        var claims = new Claims();
        InFlight urgent = Work(0, latestStart: 1, order: 1), high = Work(1, latestStart: 9, order: 2), highest = Work(2, latestStart: 9, order: 3);
        foreach (InFlight work in new[] { urgent, high, highest })
            claims.Add(work, 1, 10);
        Assert.Equal([highest, high, urgent], claims.All);
        Assert.Equal((2d, 20L), claims.Before(urgent, urgent.LatestStart));
        claims.Remove(high);
        Assert.Equal([highest, urgent], claims.All);
    }

    [Fact]
    public void Normal_requests_keep_away_from_it()
    {
        PoolDriver pool = PoolDriver.WithReady(MigratingPools.Options("least-cost") with { KvCapacityTokens = 400_000 }, "a", "b");
        PlacementRequest first = pool.Ask(4, priority: 1);
        string high = pool.Place(first).Instance;
        pool.Progress(first.Id);
        for (int i = 0; i < 4; i++)
        {
            pool.Advance(1);
            PlacementRequest normal = pool.Ask(4);
            Assert.NotEqual(high, pool.Place(normal).Instance);
            pool.Progress(normal.Id);
        }
        Assert.Equal(high, pool.Place(pool.Ask(4, priority: 1)).Instance);
    }

    [Theory]
    [InlineData(0, typeof(Held))]
    [InlineData(1, typeof(Dispatch))]
    public void A_quarter_of_the_cache_beside_it_is_its_own(int priority, Type expected)
    {
        PoolDriver pool = PoolDriver.WithReady(MigratingPools.Options("least-cost") with { KvCapacityTokens = 64_000 }, "a");
        PlacementRequest high = pool.Ask(600, priority: 1);   // of 1,000 blocks
        pool.Place(high);
        pool.Progress(high.Id);
        pool.Advance(100);
        Assert.IsType(expected, pool.Arrive(pool.Ask(200, priority: priority)));
    }

    private static InFlight Work(int priority, int latestStart, long order) =>
        new(new PlacementRequest { Id = $"r{order}", Model = "m", Api = ApiKind.Chat, Priority = priority }, TimeSpan.Zero)
        {
            LatestStart = TimeSpan.FromSeconds(latestStart), Order = order,
        };
}
