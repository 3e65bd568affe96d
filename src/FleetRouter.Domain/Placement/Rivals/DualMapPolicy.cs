using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>DualMap as published: of the two instances a prefix hashes to the one with more of it cached, unless the tokens
/// queued there break the SLO; among equals, and then, the one with fewer tokens queued.</summary>
/// <remarks>arXiv 2602.06502. The key's length adapts (<see cref="Prefixes.PrefixHotness"/>). Tokens queued and own may
/// be <c>budget</c>; 0 (the default): as many as the instance computes within the pool's TTFT SLO at the learned rate. Unlike
/// <see cref="DualHashPolicy"/> it knows no session's home and never looks beyond the pair, except where neither of the two can
/// take the request: then to the least loaded, since nothing else would end the wait if both stay away. Its rebalancing is
/// <see cref="Rebalancing"/>, for the pool to switch on.</remarks>
internal sealed class DualMapPolicy(int budgetTokens) : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query)
    {
        CandidatePair pair = CandidatePair.Of(query.Work.Key.Hash, query.Ready);
        CandidateScore first = query.Score(pair.First, CandidateRole.FirstHash);
        if (pair.Second is not { } other)
            return new Choice(first.Refused is null ? pair.First : null, PlacementRule.OnlyCandidate, [first]);
        CandidateScore second = query.Score(other, CandidateRole.SecondHash);
        CandidateScore[] scores = [first, second];
        if (first.Refused is not null && second.Refused is not null)
            return query.LeastLoaded() is { } spill
                ? new Choice(spill, PlacementRule.Spill, [first, second, query.Score(spill, CandidateRole.LeastLoaded)])
                : new Choice(null, PlacementRule.Spill, scores);
        if (first.Refused is not null || second.Refused is not null)
            return new Choice(first.Refused is null ? pair.First : other, PlacementRule.OnlyCandidate, scores);

        bool isFirstWarm = first.CachedTokens > second.CachedTokens;
        if (first.CachedTokens != second.CachedTokens && Meets(isFirstWarm ? first : second, query.Options))
            return new Choice(isFirstWarm ? pair.First : other, PlacementRule.Warm, scores);
        bool isFirstLighter = first.PendingPrefillTokens < second.PendingPrefillTokens
            || first.PendingPrefillTokens == second.PendingPrefillTokens && pair.First.LastDispatch < other.LastDispatch;
        return new Choice(isFirstLighter ? pair.First : other, PlacementRule.Lighter, scores);
    }

    private bool Meets(in CandidateScore warm, PoolOptions options) => budgetTokens == 0
        ? warm.EstimatedTtft <= options.TtftSlo
        : warm.PendingPrefillTokens + warm.UncachedTokens <= budgetTokens;
}
