using FleetRouter.Domain.Placement.Rivals;

namespace FleetRouter.Domain.Placement;

/// <summary>The policies by the name a configuration gives them. A comparison may add parameters after a colon, as in
/// <c>smetric:slack=3</c>.</summary>
public static class PlacementPolicies
{
    /// <summary>The policies of other routers, each by the rule its source publishes.</summary>
    public static readonly IReadOnlyList<string> Rivals =
    [
        "round-robin", "random", "least-requests", "power-of-two", "session-hash", "chwbl", "cache-aware", "dynamo", "llm-d", "preble",
        "min-ttft", "lmetric", "smetric", "dual-map",
    ];

    /// <summary>The known names, the default first.</summary>
    public static readonly IReadOnlyList<string> Names = ["least-cost", "dual-hash", "least-load", .. Rivals];

    /// <summary>Settings of a policy worth trying on a workload, the published one first.</summary>
    /// <exception cref="ArgumentException">No policy has the name.</exception>
    public static IReadOnlyList<string> Variants(string name) => name switch
    {
        "session-hash" => [name, $"{name}:blocks=16", $"{name}:blocks=64"],
        "chwbl" => [name, $"{name}:load=1.5", $"{name}:blocks=16", $"{name}:load=1.5,blocks=16", $"{name}:load=2,blocks=64"],
        "cache-aware" => [name, $"{name}:tree=0", $"{name}:abs=64,rel=1.5,match=0.3", $"{name}:abs=8,tree=0", $"{name}:abs=4,rel=1.5,match=0.3,tree=0"],
        "dynamo" => [name, $"{name}:overlap=0.5", $"{name}:overlap=2", $"{name}:overlap=4"],
        "llm-d" => [name, $"{name}:prefix=2", $"{name}:share=1", $"{name}:share=1,queue=1", $"{name}:share=1,queue=0,active=2"],
        "preble" => [name, $"{name}:window=30", $"{name}:window=30,evict=0", $"{name}:window=10", $"{name}:tpot=0"],
        "smetric" => [name, $"{name}:slack=2", $"{name}:slack=3", $"{name}:slack=5", $"{name}:base=5,per1k=0"],
        "dual-map" => [name, $"{name}:budget=31250", $"{name}:budget=65536"],
        _ when Names.Contains(name) => [name],
        _ => throw Unknown(name),
    };

    /// <summary>A policy by name, with what parameters it may carry.</summary>
    /// <exception cref="ArgumentException">No policy has the name, or a parameter is unknown or out of range.</exception>
    internal static IPlacementPolicy Create(string policy)
    {
        var given = new PolicyParameters(policy);
        IPlacementPolicy created = given.Name switch
        {
            "least-cost" => new LeastCostPolicy(),
            "dual-hash" => new DualHashPolicy(),
            "least-load" => new LeastLoadPolicy(),
            "round-robin" => new RoundRobinPolicy(),
            "random" => new RandomPolicy((ulong)given.Count("seed", 1, 0, int.MaxValue)),
            "least-requests" => new LeastRequestsPolicy(),
            "power-of-two" => new PowerOfTwoPolicy((ulong)given.Count("seed", 1, 0, int.MaxValue)),
            "session-hash" => new SessionHashPolicy(given.Count("blocks", 4, 1, 4_096)),
            "chwbl" => new BoundedLoadRingPolicy(given.Number("load", 1.25, 1, 100), given.Count("blocks", 1, 1, 4_096), given.Count("replicas", 256, 1, 4_096)),
            "cache-aware" => new CacheAwarePolicy(
                given.Count("abs", 32, 0, 100_000), given.Number("rel", 1.1, 1, 1_000), given.Number("match", 0.5, 0, 1), given.Switch("tree", true)),
            "dynamo" => new DynamoPolicy(given.Number("overlap", 1, 0, 1_000)),
            "llm-d" => new WeightedScorersPolicy(
                given.Number("prefix", 3, 0, 1_000), given.Number("kv", 1, 0, 1_000), given.Number("queue", 2, 0, 1_000),
                given.Number("active", 0, 0, 1_000), given.Switch("share", false)),
            "preble" => new PreblePolicy(
                TimeSpan.FromSeconds(given.Number("window", 180, 1, 3_600)), given.Number("tpot", 0.015, 0, 10), given.Switch("evict", true)),
            "min-ttft" => new MinTtftPolicy(),
            "lmetric" => new LMetricPolicy(),
            "smetric" => new SMetricPolicy(given.Number("slack", 1, 0, 1_000), given.Number("base", 1, 0, 3_600), given.Number("per1k", 0.0625, 0, 3_600)),
            "dual-map" => new DualMapPolicy(given.Count("budget", 0, 0, int.MaxValue)),
            _ => throw Unknown(given.Name),
        };
        given.RefuseOthers();
        return created;
    }

    private static ArgumentException Unknown(string name) =>
        new($"no placement policy is called '{name}'; known: {string.Join(", ", Names)}");
}
