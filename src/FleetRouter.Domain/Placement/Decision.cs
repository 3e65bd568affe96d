using FleetRouter.Domain.Admission;

namespace FleetRouter.Domain.Placement;

/// <summary>Why a request went where it went: one record a decision, kept for the operator and the journal.</summary>
public sealed record Decision
{
    /// <summary>The router's id of the request.</summary>
    public required string RequestId { get; init; }

    /// <summary>The client's id of it, if it gave one.</summary>
    public string? ClientId { get; init; }

    /// <summary>When, as time since the host's epoch.</summary>
    public required TimeSpan At { get; init; }

    /// <summary>The pool that decided.</summary>
    public required string Pool { get; init; }

    /// <summary>The model asked for.</summary>
    public required string Model { get; init; }

    /// <summary>The kind of workload the request was taken for.</summary>
    public required WorkloadKind Workload { get; init; }

    /// <summary>The policy in force.</summary>
    public required string Policy { get; init; }

    /// <summary>The rule that decided.</summary>
    public required PlacementRule Rule { get; init; }

    /// <summary>The instance chosen; null for a refusal.</summary>
    public string? Instance { get; init; }

    /// <summary>Prompt tokens, exact where the client sent ids, else estimated from its bytes.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Tokens of the answer the client has from earlier attempts; part of <see cref="PromptTokens"/>.</summary>
    public int EmittedTokens { get; init; }

    /// <summary>The prefix a policy that hashes prefixes places the request by.</summary>
    public required Prefixes.PrefixKey Key { get; init; }

    /// <summary>The instances weighed, with the terms of each score; those the rule looked at, not the whole pool.</summary>
    public IReadOnlyList<CandidateScore> Candidates { get; init; } = [];

    /// <summary>1 for the first instance tried, 2 for the second, …</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>Time the request was held before this decision.</summary>
    public TimeSpan HeldFor { get; init; }

    /// <summary>Why no instance was given, for a refusal.</summary>
    public Refusal? Refusal { get; init; }
}

/// <summary>One instance as the decision saw it.</summary>
/// <param name="Instance">The instance.</param>
/// <param name="Role">What made it a candidate.</param>
/// <param name="CachedTokens">Prompt tokens believed to be in its cache.</param>
/// <param name="UncachedTokens">Prompt tokens it would have to compute.</param>
/// <param name="PendingPrefillTokens">Prompt tokens queued on it before this request.</param>
/// <param name="Requests">Requests it has, other gateways' included.</param>
/// <param name="EstimatedTtft">Estimated time to first token there.</param>
/// <param name="Refused">Why it could not be taken; null if it could.</param>
public readonly record struct CandidateScore(
    string Instance, CandidateRole Role, int CachedTokens, int UncachedTokens, long PendingPrefillTokens,
    int Requests, TimeSpan EstimatedTtft, string? Refused)
{
    /// <summary>The terms of its cost, where the policy weighs by cost.</summary>
    public CostTerms? Cost { get; init; }
}

/// <summary>What placing a request on an instance costs, in seconds.</summary>
/// <param name="Own">Computing what of its prompt is not cached there.</param>
/// <param name="Wait">Until that begins: the line, and by how much it is overdue; the pace of the answers there, room in the cache.</param>
/// <param name="Late">For coming near its SLO, or missing it.</param>
/// <param name="Crowding">For the answers in the batch, which its prefill slows, and its own, which they slow.</param>
/// <param name="Eviction">For computing again what it evicts, as likely as that is asked for.</param>
/// <param name="Future">For the later turns that will come here too, where the instance is busy.</param>
/// <param name="Anchor">For not being of the prefix's candidate pair.</param>
public readonly record struct CostTerms(double Own, double Wait, double Late, double Crowding, double Eviction, double Future, double Anchor)
{
    /// <summary>All of it.</summary>
    public double Total => Own + Wait + Late + Crowding + Eviction + Future + Anchor;
}

/// <summary>What made an instance a candidate.</summary>
public enum CandidateRole
{
    /// <summary>The session's last turn ran there.</summary>
    Home,

    /// <summary>The prefix's first hash names it.</summary>
    FirstHash,

    /// <summary>The prefix's second hash names it.</summary>
    SecondHash,

    /// <summary>It was the least loaded of all.</summary>
    LeastLoaded,

    /// <summary>It was next in turn.</summary>
    NextInTurn,

    /// <summary>It had the best score of all, by the policy's own measure.</summary>
    Scored,

    /// <summary>The request was queued there and is moved away.</summary>
    Queued,

    /// <summary>The request is answered there and is carried over to another.</summary>
    Answering,

    /// <summary>The request waits there for a first token that is late; its estimate is how much longer that is expected to take.</summary>
    Late,
}

/// <summary>The rule that decided.</summary>
public enum PlacementRule
{
    /// <summary>The session stayed at home: its cache is there and the SLO allows.</summary>
    SessionHome,

    /// <summary>The candidate with the longer cached prefix, its queue within the SLO.</summary>
    Warm,

    /// <summary>Equal caches, or the warm candidate's queue beyond the SLO: the lighter candidate.</summary>
    Lighter,

    /// <summary>Only one candidate could take it.</summary>
    OnlyCandidate,

    /// <summary>Neither candidate could take it: the least loaded of the others.</summary>
    Spill,

    /// <summary>The least loaded of all (policy <c>least-load</c>).</summary>
    LeastLoad,

    /// <summary>The lowest cost in seconds (policy <c>least-cost</c>).</summary>
    LeastCost,

    /// <summary>The next in turn (policy <c>round-robin</c>).</summary>
    RoundRobin,

    /// <summary>The best by the measure of the policy in force.</summary>
    Score,

    /// <summary>Moved before its first token: to its other candidate from where the SLO would be missed, or from an engine's queue to where it
    /// begins sooner.</summary>
    Rebalanced,

    /// <summary>No instance was given.</summary>
    Refused,

    /// <summary>Carried over while it is answered, since its instance runs out of room and another has some.</summary>
    Relieved,

    /// <summary>Moved or carried over to where it costs least, since its instance is being emptied.</summary>
    Drained,

    /// <summary>Asked of a second instance too, since its first token is late.</summary>
    Hedged,

    /// <summary>Placed by its gateway alone, by dual hash, since the pool did not answer in time.</summary>
    Fallback,
}
