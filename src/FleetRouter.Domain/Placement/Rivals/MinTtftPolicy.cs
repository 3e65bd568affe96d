using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>To the least estimated time to first token: what is queued, and what of the prompt is not cached.</summary>
/// <remarks>Mooncake's Conductor, algorithm 1 (FAST 2025), and the Min-TTFT baseline of DualMap. Engines here cannot take
/// cache from each other, so of its two branches the local one is left, and <c>kvcache_balancing_threshold</c> decides
/// nothing. Its refusal of what misses the SLO is admission, the same for all policies. Prefill time is linear at the
/// learned rate. No parameters.</remarks>
internal sealed class MinTtftPolicy : LeastCostPolicy
{
    public override double Cost(in PlacementQuery query, Instance instance) =>
        query.Ttft(instance, query.CachedTokens(instance)).TotalSeconds;
}
