using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests.Placement.Rivals;

namespace FleetRouter.Domain.Tests.Migration;

/// <summary>Pools that move requests, on engines of 10,000 tokens; a block of prompt is 64 tokens.</summary>
internal static class MigratingPools
{
    public const int Capacity = 10_000;

    public static PoolOptions Options(string policy = "least-requests") => new() { Name = "test", Policy = policy, Migration = true, KvCapacityTokens = Capacity };

    public static PoolDriver With(params string[] instances) => PoolDriver.WithReady(Options(), instances);

    /// <summary>Places a request on an instance of choice and gives it a first token, and as many more as asked for.</summary>
    public static PlacementRequest Answer(this PoolDriver pool, string instance, int blocks, int tokens = 1, int priority = 0, bool canMove = true)
    {
        PlacementRequest request = pool.Ask(blocks, priority, canMove);
        pool.Put(instance, request);
        pool.Progress(request.Id, tokens);
        return request;
    }

    /// <summary>Places a request on an instance of choice, whatever room it has.</summary>
    public static PlacementRequest Put(this PoolDriver pool, string instance, PlacementRequest request)
    {
        PoolOptions options = pool.Options;
        long capacity = pool.Instance(instance).KvCapacityTokens;
        pool.Give(new OptionsChanged(pool.Now, options with { Policy = "least-requests", Migration = false }));
        pool.Give(new InstanceProbed(pool.Now, instance, PoolDriver.Report() with { KvCapacityTokens = 1_000_000_000 }));
        pool.PlaceOn(instance, request);
        pool.Give(new InstanceProbed(pool.Now, instance, PoolDriver.Report() with { KvCapacityTokens = capacity }));
        pool.Give(new OptionsChanged(pool.Now, options));
        return request;
    }

    /// <summary>A request of a text of its own.</summary>
    public static PlacementRequest Ask(this PoolDriver pool, int blocks, int priority = 0, bool canMove = true)
    {
        PlacementRequest request = pool.Request(output: 200);
        return request with { Prompt = Prompts.Of((FleetRouter.Domain.Prefixes.XxHash64.Of(request.Id), blocks)), Priority = priority, CanMove = canMove };
    }

    /// <summary>The engine answers its probe: so many wait in its queue.</summary>
    public static IReadOnlyList<PoolEffect> Says(this PoolDriver pool, string instance, int waiting = 0) =>
        pool.Give(new InstanceProbed(pool.Now, instance, PoolDriver.Report() with { Waiting = waiting, Running = pool.View(instance).Leases - waiting }));

    public static IReadOnlyList<PoolEffect> Drain(this PoolDriver pool, string instance) => pool.Give(new DrainOrdered(pool.Now, instance, true));

    public static IReadOnlyList<PoolEffect> CarriedOver(this PoolDriver pool, string request, int emitted, string? failure = null) =>
        pool.Give(new MigrationEnded(pool.Now, request, emitted, failure));

    public static Instance Instance(this PoolDriver pool, string id) => pool.Pool.Instances.Single(i => i.Id == id);
}
