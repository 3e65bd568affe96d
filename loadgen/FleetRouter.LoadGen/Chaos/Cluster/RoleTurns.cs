using System.Globalization;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>The provisioner's turns as the gateways wrote them in their database: each from when at the earliest to when at the latest its holder believed in it.</summary>
/// <param name="Turns">How many there were.</param>
/// <param name="Overlapping">Those that began before one before them was over.</param>
/// <param name="LongestGap">Longest time between the end of all before and the next.</param>
internal sealed record RoleTurns(int Turns, int Overlapping, TimeSpan LongestGap)
{
    /// <summary>Asks for the three.</summary>
    public const string Question = """
        select count(*), count(*) filter (where taken_at < before), coalesce(max(extract(epoch from taken_at - before)), 0) from
            (select taken_at, max(held_until) over (order by taken_at rows between unbounded preceding and 1 preceding) as before from fleetrouter.provisioner_turns) turns
        """;

    /// <summary>Reads the answer's one row.</summary>
    public static RoleTurns Read(string row)
    {
        var columns = row.Split('|');
        return new RoleTurns(int.Parse(columns[0], CultureInfo.InvariantCulture), int.Parse(columns[1], CultureInfo.InvariantCulture),
            TimeSpan.FromSeconds(Math.Max(0, double.Parse(columns[2], CultureInfo.InvariantCulture))));
    }
}
