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
        IEnumerable<string> names = text switch
        {
            "all" => [.. PlacementPolicies.Names, .. RefereeFamilies.Names],
            "rivals" => [.. PlacementPolicies.Rivals, .. RefereeFamilies.Names],
            _ => Names(text),
        };
        try
        {
            return [.. names.Prepend(Family.Default).Distinct().Select(name =>
                RefereeFamilies.Names.Contains(name) ? RefereeFamilies.Of(name, tuned) : Family.OfPolicy(name, tuned))];
        }
        catch (ArgumentException wrong)
        {
            throw new UsageException($"--policies: {wrong.Message}");
        }
    }

    // A comma stands between names and between parameters alike: what has a '=' and no ':' belongs to the name before.
    private static List<string> Names(string text)
    {
        var names = new List<string>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (names.Count > 0 && part.Contains('=') && !part.Contains(':')) names[^1] += "," + part;
            else names.Add(part);
        }
        return names;
    }
}
