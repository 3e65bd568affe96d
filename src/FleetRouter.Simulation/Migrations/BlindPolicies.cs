using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Simulation.Migrations;

/// <summary>Each request to the next instance, whatever room it has: what queues, queues in the engines. The plain load balancer that live
/// migration is measured against; the pool's own <c>round-robin</c> passes over instances without room.</summary>
internal sealed class BlindRoundRobin : IPlacementPolicy
{
    private long _turn;

    public Choice Place(in PlacementQuery query)
    {
        for (int tried = 0; tried < query.Ready.Instances.Length; tried++)
        {
            Instance instance = query.Ready.Instances[(int)(_turn++ % query.Ready.Instances.Length)];
            if (query.Closed(instance) is null)
                return query.Choose(instance);
        }
        return query.Choose(null);
    }
}

/// <summary>Each request to the instance with the fewest, whatever room it has.</summary>
internal sealed class BlindLeastRequests : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query)
    {
        Instance? best = null;
        foreach (Instance instance in query.Ready.Instances)
            if (query.Closed(instance) is null && (best is null
                || (instance.AllRequests, instance.LastDispatch).CompareTo((best.AllRequests, best.LastDispatch)) < 0))
                best = instance;
        return query.Choose(best);
    }
}
