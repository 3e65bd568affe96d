namespace FleetRouter.Domain.Fleet;

/// <summary>What a pool's judgement may be told. Immutable; validated where the configuration is read.</summary>
public sealed record PoolOptions
{
    /// <summary>The pool's name: a label in metrics, decisions and the admin API.</summary>
    public required string Name { get; init; }

    /// <summary>Placement policy: one of <see cref="Placement.PlacementPolicies.Names"/>, with parameters after a colon where
    /// it has any, as in <c>smetric:slack=3</c>. Default <c>least-cost</c>.</summary>
    public string Policy { get; init; } = "least-cost";

    /// <summary>Time to first token a request should meet: coming near it makes an instance dear, and who must begin first goes first.
    /// Range 10 ms to 10 min, default 5 s (the SLO of the dual-hash paper's evaluation).</summary>
    public TimeSpan TtftSlo { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Added to <see cref="TtftSlo"/> for each 1,000 prompt tokens. Range 0 to 1 min, default 0: one bound for all.</summary>
    public TimeSpan TtftSloPerThousandTokens { get; init; }

    /// <summary>Mean time between tokens a request should meet: prompts are dispatched no faster than leaves the answers in the batch
    /// this pace. Range 1 ms to 10 s, default 100 ms (ten tokens a second, faster than most people read).</summary>
    public TimeSpan InterTokenSlo { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether a request that an idle instance could serve in time, but the fleet as it is cannot, is refused as busy at once
    /// rather than served late. Default false: late is better than never to a person who waits.</summary>
    public bool RefuseLate { get; init; }

    /// <summary>Prefill speed assumed of an instance until first tokens, its own or those of its peers, teach better. Tokens/s, range 100 to
    /// 10,000,000, default 8,000 (an A100 with an 8B model; too low only makes a pool's first placements cautious).</summary>
    public double PrefillTokensPerSecond { get; init; } = 8_000;

    /// <summary>KV capacity assumed of an instance that does not report it. Tokens, range 1,000 to 1,000,000,000,
    /// default 400,000 (an 80 GB GPU with an 8B model).</summary>
    public long KvCapacityTokens { get; init; } = 400_000;

    /// <summary>Requests one instance may hold before it counts as saturated. Range 1 to 100,000, default 256
    /// (vLLM's smaller default batch; more would only queue inside the engine, where nothing can move it).</summary>
    public int MaxRequestsPerInstance { get; init; } = 256;

    /// <summary>Requests the router holds, when every instance is saturated or for the one that suits them. Range 0 to 1,000,000, default 1,024.</summary>
    public int MaxHeld { get; init; } = 1_024;

    /// <summary>Longest time a request is held before it is refused as busy. Range 0 to 1 h, default 30 s.</summary>
    public TimeSpan MaxHoldTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Instances one request may be tried on before it is refused. Range 1 to 16, default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Consecutive failed probes after which an instance is suspect. Range 1 to 100, default 3.</summary>
    public int SuspectAfterFailedProbes { get; init; } = 3;

    /// <summary>Share of the requests, of the last seconds and in flight, that may be attempted again before they have a token. Range 0 to 10,
    /// default 0.2 (as Finagle, Linkerd and Envoy have it).</summary>
    public double RetryBudget { get; init; } = 0.2;

    /// <summary>Share of the requests that may be asked of a second instance too when their first token is late, the first of the two to have one
    /// answering. Range 0 to 1, default 0: none, since the second attempt is work done twice.</summary>
    public double HedgeBudget { get; init; }

    /// <summary>Share of the instances that may be kept out for failing or being slow though they answer their probes. Range 0 to 1,
    /// default 0.5; 0 keeps none out.</summary>
    public double MaxEjectedShare { get; init; } = 0.5;

    /// <summary>Time without a turn after which a session's home is forgotten. Range 1 s to 7 d, default 30 min.</summary>
    public TimeSpan SessionIdleTime { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Session homes remembered at once. Range 0 to 10,000,000, default 100,000 (about 100 bytes each).</summary>
    public int MaxSessions { get; init; } = 100_000;

    /// <summary>Time to first token a prompt of that many tokens should meet.</summary>
    public TimeSpan TtftSloOf(int promptTokens) => TtftSloOf(TtftSlo, TtftSloPerThousandTokens, promptTokens);

    /// <summary>Time to first token that is promised to a prompt of so many tokens: so much, and so much more for each 1,000 of them.</summary>
    public static TimeSpan TtftSloOf(TimeSpan slo, TimeSpan perThousandTokens, int promptTokens) => slo + perThousandTokens * (promptTokens / 1000.0);

    /// <summary>Whether requests are moved between instances once they were dispatched: out of an engine's queue to one that begins sooner,
    /// and while they are answered to one with room where theirs runs out of it. Off an instance that is to be emptied they are moved in
    /// any case. Default false.</summary>
    public bool Migration { get; init; }

    /// <summary>Whether requests that queue where the TTFT SLO would be missed are moved (<see cref="Move"/>) to their other
    /// candidate, a round at each probe. Default false. It is part of the dual-map rule, which stands here to be compared with; a gateway's
    /// own is <see cref="Migration"/>.</summary>
    public bool RebalanceQueued { get; init; }
}
