using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Referees;

/// <summary>Places each request where it begins first by the engines' true queues, among equals where the fewest requests
/// are: all there is to decide where every engine has every cache.</summary>
internal sealed class TrueLoadPolicy(FleetTruth truth) : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query) =>
        truth.Cheapest(query, prospect => (prospect.WaitSeconds - prospect.StepSeconds, prospect.Requests));
}
