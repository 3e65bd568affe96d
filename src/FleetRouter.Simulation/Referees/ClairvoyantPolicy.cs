using FleetRouter.Domain.Placement;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Referees;

/// <summary>Places each request where it costs least, in seconds, by the engines' true queues, caches and lengths of answers.
/// Greedy: it does not know who will come, so it bounds what a router may win by knowing more, and is no strict bound.</summary>
/// <param name="truth">The fleet as it is.</param>
/// <param name="weights">What it minds.</param>
internal sealed class ClairvoyantPolicy(FleetTruth truth, ClairvoyantWeights weights) : IPlacementPolicy
{
    /// <summary>What has not been used for so long is hardly used again: two pauses of a coding session.</summary>
    private const double EvictionSeconds = 60;

    public Choice Place(in PlacementQuery query) => truth.Cheapest(query, prospect => (Cost(prospect), 0));

    private double Cost(in Prospect prospect) =>
        weights.Own * prospect.OwnSeconds + prospect.WaitSeconds
        + weights.Others * prospect.OwnSeconds * prospect.Requests
        + weights.Requests * prospect.Requests
        + weights.Evict * prospect.OwnSeconds * (prospect.OldestSeconds is { } age ? Math.Exp(-age / EvictionSeconds) : 0);
}

/// <summary>What the clairvoyant router minds beside the wait, which counts once.</summary>
/// <param name="Own">Weight of the request's own prefill, which also is work for the fleet.</param>
/// <param name="Others">Weight of the same second for each request it keeps from its tokens.</param>
/// <param name="Requests">Seconds for each request there.</param>
/// <param name="Evict">Weight of the request's own prefill again where its blocks push out what was used just now.</param>
internal readonly record struct ClairvoyantWeights(double Own, double Others, double Requests, double Evict);
