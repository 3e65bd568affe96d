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

    /// <summary>Bytes that the turns of conversations take at most whose actors run here. Default 256 MiB, some 50,000 turns of 4 KiB.</summary>
    public long TurnMemoryBytes { get; init; } = 256L << 20;

    /// <summary>How long a conversation's actor may take to tell its turns before the database is asked past it: a hop and a look-up take a few milliseconds.
    /// A read delays a request's placement, which a lost silo is to delay by less than a quarter of a second.</summary>
    internal TimeSpan ReadBudget { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>How long it is waited for beyond that where the database cannot tell either.</summary>
    internal TimeSpan ReadPatience { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long it may take to keep a turn: a hop and the database's commit. Keeping delays an answer's end.</summary>
    internal TimeSpan KeepBudget { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long it may take to delete one, which delays nothing else.</summary>
    internal TimeSpan DeleteBudget { get; init; } = TimeSpan.FromSeconds(1);
}
