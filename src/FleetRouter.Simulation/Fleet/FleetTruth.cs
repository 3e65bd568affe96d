using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Fleet;

/// <summary>A fleet as it is at this instant, for referees: no router sees queues, caches and lengths.</summary>
/// <param name="engines">The engines by id.</param>
/// <param name="outcomes">The requests by id.</param>
/// <param name="now">What time it is.</param>
internal sealed class FleetTruth(
    IReadOnlyDictionary<string, SimulatedEngine> engines, IReadOnlyDictionary<string, RequestOutcome> outcomes, Func<TimeSpan> now)
{
    private readonly List<EngineRequest> _onTheWay = [];

    /// <summary>What the engine behind an instance would be to a request.</summary>
    private Prospect For(InFlight work, Instance instance)
    {
        SimulatedEngine engine = engines[instance.Id];
        _onTheWay.Clear();
        foreach (PreparedRequest sent in engine.OnTheWay)
            _onTheWay.Add(sent.ForEngine);
        double step = engine.InStep ? Math.Max(0, (engine.StepEndsAt - now()).TotalSeconds) : 0;
        return engine.Model.ProspectFor(outcomes[work.Request.Id].Request.ForEngine, _onTheWay) with { StepSeconds = step };
    }

    /// <summary>The instance that costs least, of those that may be sent the request; among equals the one rested longest. Whether it has
    /// room is no guess of the pool's here but part of the prospect.</summary>
    public Choice Cheapest(in PlacementQuery query, Func<Prospect, (double Seconds, int Requests)> cost)
    {
        Instance? best = null;
        ((double, int), long) least = default;
        foreach (Instance instance in query.Ready.Instances)
        {
            if (query.Work.Failed?.Contains(instance) == true || query.Closed(instance) is not null)
                continue;
            var price = (cost(For(query.Work, instance)), instance.LastDispatch);
            if (best is null || price.CompareTo(least) < 0)
                (best, least) = (instance, price);
        }
        return query.Choose(best);
    }
}
