using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Simulation.Comparison;

/// <summary>What a contestant is to the others.</summary>
public enum Standing
{
    /// <summary>The router's own policy: one setting everywhere.</summary>
    Ours,

    /// <summary>Another router's policy: the best of its settings counts.</summary>
    Rival,

    /// <summary>Knows what no router can; bounds what placement may win.</summary>
    Referee,
}

/// <summary>Contestants of one name: a policy's settings.</summary>
/// <param name="Name">The policy's name.</param>
/// <param name="Standing">What it is to the others.</param>
/// <param name="Variants">Its settings, the published one first.</param>
public sealed record Family(string Name, Standing Standing, IReadOnlyList<Contestant> Variants)
{
    /// <summary>The router's own policy: the one a gateway takes by default.</summary>
    public static string Default { get; } = PlacementPolicies.Names[0];

    /// <summary>A placement policy with the settings it may be tuned to; one that carries parameters, or is ours, has its own alone.</summary>
    /// <param name="policy">The policy's name, with what parameters it carries.</param>
    /// <param name="tuned">Whether further settings take part.</param>
    /// <exception cref="ArgumentException">No policy has the name, or a parameter is unknown or out of range.</exception>
    public static Family OfPolicy(string policy, bool tuned)
    {
        // A pool reads the name as a gateway's would.
        _ = new Pool(new PoolOptions { Name = "sim", Policy = policy });
        bool alone = policy == Default || policy.Contains(':') || !tuned;
        return new Family(policy, policy == Default ? Standing.Ours : Standing.Rival,
            [.. (alone ? [policy] : PlacementPolicies.Variants(policy)).Select(Contestant.Of)]);
    }
}
