using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Comparison;

namespace FleetRouter.LoadGen.Sim;

/// <summary>Who takes part in a comparison.</summary>
internal static class PolicyList
{
    /// <summary>The families behind <c>all</c>, <c>rivals</c> or names with commas between them; the default policy always takes part.</summary>
    /// <exception cref="UsageException">A name is not known.</exception>
    public static IReadOnlyList<Family> Of(string text, bool tuned)
    {
        IEnumerable<string> names = text is "all" or "rivals" ? PlacementPolicies.Names : text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (string name in names)
        {
            if (!PlacementPolicies.Names.Contains(name))
                throw new UsageException($"--policies: no policy is called '{name}'; there are {string.Join(", ", PlacementPolicies.Names)}, and all and rivals for many of them");
        }
        return [.. names.Prepend(Family.Default).Distinct().Select(name => Family.OfPolicy(name, tuned))];
    }
}
