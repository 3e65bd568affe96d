using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Tests.Placement.Rivals;

/// <summary>Pools under a rival's policy. 64 tokens a block at 4 bytes a token; prefill 8,000 tokens/s.</summary>
internal static class RivalPools
{
    public static PoolDriver With(string policy, params string[] instances) => PoolDriver.WithReady(Options(policy), instances);

    public static PoolOptions Options(string policy) => new() { Name = "test", Policy = policy, KvCapacityTokens = 100_000_000 };

    /// <summary>Places a request on an instance of choice: the others are made to look busy for that moment.</summary>
    public static PlacementRequest PlaceOn(this PoolDriver pool, string instance, PlacementRequest request)
    {
        string[] others = [.. pool.Pool.Describe().Instances.Select(i => i.Id).Where(id => id != instance)];
        foreach (string other in others)
            pool.Give(new InstanceProbed(pool.Now, other, PoolDriver.Report("another model")));
        Assert.Equal(instance, pool.Place(request).Instance);
        foreach (string other in others)
            pool.Probe(other);
        return request;
    }

    /// <summary>Places <paramref name="count"/> small requests that go on decoding.</summary>
    public static void Decode(this PoolDriver pool, string instance, int count)
    {
        for (int i = 0; i < count; i++)
            pool.Progress(pool.PlaceOn(instance, pool.Request()).Id);
    }

    /// <summary>Fills an instance's cache with a prompt, and ends the request.</summary>
    public static void Warm(this PoolDriver pool, string instance, params (ulong Content, int Blocks)[] prompt)
    {
        pool.End(pool.PlaceOn(instance, pool.Request(Prompts.Of(prompt))).Id);
    }

    /// <summary>Seconds that a prompt of so many blocks takes, of which some are cached.</summary>
    public static double Prefill(int blocks, int cached = 0) => PrefillWork.Of(64 * (blocks - cached), 64 * blocks) / 8_000;

    /// <summary>Leaves a prompt's prefill pending on an instance.</summary>
    public static PlacementRequest Queue(this PoolDriver pool, string instance, params (ulong Content, int Blocks)[] prompt) =>
        pool.PlaceOn(instance, pool.Request(Prompts.Of(prompt)));

    public static string Next(this PoolDriver pool, params (ulong Content, int Blocks)[] prompt) =>
        pool.Place(pool.Request(Prompts.Of(prompt))).Instance;

    public static string NextTurn(this PoolDriver pool, params (ulong Content, int Blocks)[] prompt) =>
        pool.Place(pool.Request(Prompts.Of(prompt), turns: 1)).Instance;
}
