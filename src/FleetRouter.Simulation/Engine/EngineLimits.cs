namespace FleetRouter.Simulation.Engine;

/// <summary>Where an engine departs from its profile, and what it admits. Null keeps the profile's value or sets no cap.</summary>
public sealed record EngineLimits
{
    /// <summary>Blocks of KV cache; at least 1.</summary>
    public int? KvBlocks { get; init; }

    /// <summary>Requests one step may hold; at least 1.</summary>
    public int? MaxSequences { get; init; }

    /// <summary>Tokens one step may compute; at least 1.</summary>
    public int? MaxBatchedTokens { get; init; }

    /// <summary>Longest context in tokens, never more than the KV cache holds.</summary>
    public int? MaxModelLength { get; init; }

    /// <summary>Requests that may wait; one more is refused. Null: no cap, as vLLM by default.</summary>
    public int? MaxQueuedRequests { get; init; }

    /// <summary>Prompt tokens that may wait; a request that would pass it is refused unless nothing waits. Null: no cap.</summary>
    public int? MaxQueuedTokens { get; init; }
}
