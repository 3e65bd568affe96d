namespace FleetRouter.Storage;

/// <summary>How the database is used.</summary>
public sealed record DatabaseOptions
{
    /// <summary>Where it is.</summary>
    public required DatabaseAddress Address { get; init; }

    /// <summary>Connections at most, besides one for the provisioner's role; two of them are the writers'. At least 3.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>Bytes of answers that wait to be written at most; the oldest go when there are more.</summary>
    public long BufferBytes { get; init; } = 64L << 20;

    /// <summary>Longest time an answer's client waits for it to be written; from then on the buffer keeps it.</summary>
    internal TimeSpan SaveWait { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Longest time a request waits for its session's home. A look-up by primary key takes less than one millisecond.</summary>
    internal TimeSpan HomeWait { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Time that session homes wait for company before they are written.</summary>
    internal TimeSpan HomeBatch { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Session homes that wait to be written at most, some 150 bytes each.</summary>
    internal int MostHomes { get; init; } = 100_000;

    /// <summary>Age from which on a session's home is forgotten. No engine's cache lasts as long.</summary>
    internal TimeSpan HomeAge { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Longest time a read may take, with all waiting.</summary>
    internal TimeSpan ReadWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time that what waits to be written has at stop.</summary>
    internal TimeSpan StopWait { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between two sweeps of what has expired, spread by ±25 %.</summary>
    internal TimeSpan SweepInterval { get; init; } = TimeSpan.FromMinutes(1);
}
