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

    /// <summary>A placement policy with the settings it may be tuned to.</summary>
    /// <param name="name">The policy's name.</param>
    /// <param name="tuned">Whether a rival's further settings take part.</param>
    public static Family OfPolicy(string name, bool tuned) => name == Default
        ? new Family(name, Standing.Ours, [Contestant.Of(name)])
        : new Family(name, Standing.Rival, [.. VariantsOf(name).Take(tuned ? int.MaxValue : 1).Select(Contestant.Of)]);

    private static IReadOnlyList<string> VariantsOf(string name) => [name];
}
