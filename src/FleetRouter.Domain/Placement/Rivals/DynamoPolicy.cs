using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>To the least weighted sum of blocks to prefill, those pending included, and blocks active in decode.</summary>
/// <remarks>NVIDIA Dynamo's KV router (ai-dynamo/dynamo:docs/router/kv_cache_routing.md):
/// cost = <c>overlap</c> (1.0) · prefill blocks + decode blocks, at temperature 0, so without chance. Dynamo counts the blocks
/// of active sequences, shared ones once, and learns the caches from KV events; here every active prompt counts whole, and
/// the caches are the learned index.</remarks>
internal sealed class DynamoPolicy(double overlapWeight) : LeastCostPolicy
{
    private const double BlockTokens = 16;

    public override double Cost(in PlacementQuery query, Instance instance)
    {
        double prefill = instance.PendingPrefillTokens + query.Work.PromptTokens - query.CachedTokens(instance);
        double decode = instance.PromptTokens + query.Work.PromptTokens;
        return (overlapWeight * prefill + decode) / BlockTokens;
    }
}
