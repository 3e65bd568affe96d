using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>Each request to the instance with the fewest in flight.</summary>
/// <remarks>Least outstanding requests, as in nginx's least_conn, HAProxy's leastconn and AIBrix's least-request
/// (vllm-project/aibrix:pkg/plugins/gateway/algorithms/least_request.go). No parameters.</remarks>
internal sealed class LeastRequestsPolicy : LeastCostPolicy
{
    public override double Cost(in PlacementQuery query, Instance instance) => instance.AllRequests;
}
