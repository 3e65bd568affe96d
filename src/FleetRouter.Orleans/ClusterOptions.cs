using System.Net;

namespace FleetRouter.Orleans;

/// <summary>This process's part in a cluster.</summary>
public sealed record ClusterOptions
{
    /// <summary>Where other silos reach this one: an address of this machine and a port of its own.</summary>
    public required IPEndPoint Silo { get; init; }

    /// <summary>The cluster's name; silos of another name on the same database are another cluster.</summary>
    public string Id { get; init; } = "fleetrouter";

    /// <summary>Connection string of the PostgreSQL database that knows the members; null for a cluster of this process alone, in memory.</summary>
    public string? Database { get; init; }

    /// <summary>How long a gateway waits for a pool before it places requests itself. Range 1 ms to 1 s, default 25 ms: a call takes well under one,
    /// and a pause of the runtime some ten.</summary>
    public TimeSpan PlacementBudget { get; init; } = TimeSpan.FromMilliseconds(25);
}
