using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>Each request to the instance where its cost is least. Where a source takes any of several equals, or the first,
/// the one rested longest is taken here: the same for all rivals, the same in every process, and never worse for them.</summary>
internal abstract class LeastCostPolicy : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query)
    {
        Instance? best = null;
        double least = 0;
        foreach (Instance instance in query.Ready.Instances)
        {
            if (query.Obstacle(instance) is not null)
                continue;
            double cost = Cost(query, instance);
            if (best is null || cost < least || cost == least && instance.LastDispatch < best.LastDispatch)
                (best, least) = (instance, cost);
        }
        return query.Choose(best);
    }

    /// <summary>What the request would cost on an instance that can take it, in the policy's own unit.</summary>
    public abstract double Cost(in PlacementQuery query, Instance instance);
}
