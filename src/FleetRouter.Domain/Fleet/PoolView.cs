namespace FleetRouter.Domain.Fleet;

/// <summary>A pool's state at a moment, for people and metrics.</summary>
/// <param name="Name">The pool.</param>
/// <param name="Policy">The placement policy in force.</param>
/// <param name="Held">Requests waiting in the router.</param>
/// <param name="Sessions">Session homes remembered.</param>
/// <param name="BytesPerToken">Learned bytes of request text a prompt token.</param>
/// <param name="Instances">The instances, in order of id.</param>
public sealed record PoolView(
    string Name, string Policy, int Held, int Sessions, double BytesPerToken, IReadOnlyList<InstanceView> Instances)
{
    /// <summary>Instances that discovery no longer names and that still have requests.</summary>
    public IReadOnlyList<InstanceView> Leaving { get; init; } = [];

    internal static PoolView Of(PoolOptions options, Roster roster, int held, int sessions, TokenEstimates estimates) =>
        new(options.Name, options.Policy, held, sessions, estimates.BytesPerToken, [.. roster.All.Select(InstanceView.Of)])
        {
            Leaving = [.. roster.Emptying.Where(i => i.State == InstanceState.Gone).Select(InstanceView.Of)],
        };
}

/// <summary>One instance's state at a moment.</summary>
/// <param name="Id">The instance.</param>
/// <param name="State">Where it is in its life.</param>
/// <param name="Reason">Why it is there.</param>
/// <param name="Since">Since when, as time since the host's epoch.</param>
/// <param name="Models">What it serves.</param>
/// <param name="Leases">Requests this router has on it.</param>
/// <param name="PendingPrefillTokens">Prompt tokens of those that have no first token yet.</param>
/// <param name="DecodeTokens">Output tokens they are expected still to make.</param>
/// <param name="KvTokens">KV cache tokens they are expected to take, beyond what was cached before.</param>
/// <param name="ForeignRequests">Requests others have on it, by its own report.</param>
/// <param name="EngineRunning">Requests in its batch, by its own report.</param>
/// <param name="EngineWaiting">Requests in its queue, by its own report.</param>
/// <param name="KvUsage">Share of its KV blocks in use, 0 to 1, by its own report.</param>
/// <param name="PrefixBlocks">Router blocks its cache is believed to hold.</param>
/// <param name="PrefixCapacityBlocks">Router blocks it could hold.</param>
/// <param name="PrefillTokensPerSecond">Learned prefill speed.</param>
public sealed record InstanceView(
    string Id, InstanceState State, string Reason, TimeSpan Since, IReadOnlyList<string> Models, int Leases,
    long PendingPrefillTokens, long DecodeTokens, long KvTokens, int ForeignRequests, int? EngineRunning, int? EngineWaiting,
    double? KvUsage, long PrefixBlocks, long PrefixCapacityBlocks, double PrefillTokensPerSecond)
{
    internal static InstanceView Of(Instance i) => new(
        i.Id, i.State, i.StateReason, i.StateSince, i.Models, i.Requests, i.PendingPrefillTokens, i.DecodeTokens, i.KvTokens,
        i.ForeignRequests, i.Report?.Running, i.Report?.Waiting, i.Report?.KvUsage, i.Prefixes.Blocks,
        i.Prefixes.CapacityBlocks, i.PrefillRate);
}
