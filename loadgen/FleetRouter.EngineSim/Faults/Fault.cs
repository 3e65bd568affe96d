namespace FleetRouter.EngineSim.Faults;

/// <summary>What goes wrong. The names on the wire are these in lower case.</summary>
public enum FaultKind
{
    /// <summary>Requests are refused as if a queue cap were reached (503).</summary>
    Reject,

    /// <summary>Requests fail as if the engine core had died (500).</summary>
    Error,

    /// <summary>/health answers 503; requests are served on.</summary>
    Unhealthy,

    /// <summary>The connection is closed after some tokens.</summary>
    Cut,

    /// <summary>After some tokens nothing more is written, and the connection stays open.</summary>
    Stall,

    /// <summary>The answer is not what it should be: not HTTP, not JSON, or a broken event stream.</summary>
    Garbage,

    /// <summary>The connection is closed without a byte.</summary>
    Empty,

    /// <summary>Every step takes longer by a factor, until cleared.</summary>
    Slow,

    /// <summary>The listener closes and all connections break; the cache and all counters are lost.</summary>
    Crash,

    /// <summary>A crash and an immediate start on the same port.</summary>
    Restart,
}

/// <summary>What kind of garbage.</summary>
public enum GarbageForm
{
    /// <summary>Bytes that are no HTTP answer.</summary>
    Http,

    /// <summary>A JSON answer that does not parse.</summary>
    Json,

    /// <summary>An event stream with an event that does not parse.</summary>
    Sse,
}

/// <summary>One fault of one engine.</summary>
/// <param name="Kind">What goes wrong.</param>
public sealed record Fault(FaultKind Kind)
{
    /// <summary>Requests it strikes before it is gone; null until it is cleared. Not for unhealthy, slow, crash and restart.</summary>
    public int? Times { get; init; }

    /// <summary>Cut, stall and garbage in a stream: tokens sent before it strikes.</summary>
    public int AfterTokens { get; init; }

    /// <summary>Cut: in the middle of an HTTP chunk instead of between two.</summary>
    public bool MidChunk { get; init; }

    /// <summary>Garbage: of what form.</summary>
    public GarbageForm Form { get; init; }

    /// <summary>Slow: by what factor; above 0.</summary>
    public double Factor { get; init; } = 10;

    /// <summary>Crash: seconds until the engine starts again by itself; null for never.</summary>
    public double? RestartAfterSeconds { get; init; }
}
