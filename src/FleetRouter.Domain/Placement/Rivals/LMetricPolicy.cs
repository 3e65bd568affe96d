using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>To the least product of prompt tokens to compute, queued and own, and requests in the batch.</summary>
/// <remarks>LMetric, arXiv 2603.15202: argmin P-token × BS, BS being running and waiting requests, this one counted, as
/// in vllm-project/aibrix:pkg/plugins/gateway/algorithms/l_metric_local.go. The ledger tells both, others' requests
/// included. No parameters, which is what it is published for.</remarks>
internal sealed class LMetricPolicy : LeastCostPolicy
{
    public override double Cost(in PlacementQuery query, Instance instance) =>
        (double)(query.Backlog(instance) + query.Work.PromptTokens - query.CachedTokens(instance)) * (instance.AllRequests + 1);
}
