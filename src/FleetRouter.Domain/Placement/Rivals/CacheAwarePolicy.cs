using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>To the fewest requests while the load is uneven, else to the holder of the longest match, else to the instance
/// with the least in its tree.</summary>
/// <remarks>SGLang's router, now SMG (lightseekorg/smg:model_gateway/src/policies/cache_aware.rs, mod.rs). Uneven: most less
/// fewest requests above <c>abs</c> (32) and most above <c>rel</c> (1.1) times fewest. A match counts above the share
/// <c>match</c> (0.5) of the prompt. <c>tree=0</c>: what matches nowhere goes to the fewest requests, as SMG does since 2026.
/// The tree is the pool's own prefix index; of equal holders, of whom the source takes any, the one with fewest requests.</remarks>
internal sealed class CacheAwarePolicy(int absolute, double relative, double match, bool smallestTree) : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query)
    {
        Instance? lightest = null, holder = null, emptiest = null;
        int most = 0, longest = 0;
        foreach (Instance instance in query.Ready.Instances)
        {
            if (query.Obstacle(instance) is not null)
                continue;
            int cached = query.CachedTokens(instance);
            most = Math.Max(most, instance.AllRequests);
            if (IsLess(instance, lightest, instance.AllRequests, lightest?.AllRequests ?? 0))
                lightest = instance;
            if (cached > longest || cached == longest && IsLess(instance, holder, instance.AllRequests, holder?.AllRequests ?? 0))
                (holder, longest) = (instance, cached);
            if (IsLess(instance, emptiest, instance.Prefixes.Blocks, emptiest?.Prefixes.Blocks ?? 0))
                emptiest = instance;
        }
        if (lightest is null)
            return query.Choose(null);
        int fewest = lightest.AllRequests;
        if (most - fewest > absolute && most > relative * fewest)
            return query.Choose(lightest);
        if (longest > match * query.Work.PromptTokens)
            return query.Choose(holder);
        return query.Choose(smallestTree ? emptiest : lightest);
    }

    private static bool IsLess(Instance instance, Instance? best, long value, long least) =>
        best is null || value < least || value == least && instance.LastDispatch < best.LastDispatch;
}
