using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Referees;

/// <summary>Places each request where it begins first by the engines' true queues, among equals where the fewest requests
/// are: all there is to decide where every engine has every cache.</summary>
internal sealed class TrueLoadPolicy(FleetTruth truth) : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query)
    {
        Instance? best = null;
        (double, int, long) least = default;
        foreach (Instance instance in query.Ready.Instances)
        {
            if (query.Work.Failed?.Contains(instance) == true || instance.BusyUntil > query.Now
                || instance.AllRequests >= query.Options.MaxRequestsPerInstance)
                continue;
            Prospect prospect = truth.For(query.Work, instance);
            var load = (prospect.WaitSeconds - prospect.StepSeconds, prospect.Requests, instance.LastDispatch);
            if (best is null || load.CompareTo(least) < 0)
                (best, least) = (instance, load);
        }
        return query.Choose(best);
    }
}
