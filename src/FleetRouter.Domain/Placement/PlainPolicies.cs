using System.Runtime.InteropServices;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Placement;

/// <summary>Each request to the next instance that can take one.</summary>
internal sealed class RoundRobinPolicy : IPlacementPolicy
{
    private readonly Dictionary<string, long> _turns = new(StringComparer.Ordinal);   // by model: each has its own instances

    public Choice Place(in PlacementQuery query)
    {
        ref long turn = ref CollectionsMarshal.GetValueRefOrAddDefault(_turns, query.Work.Request.Model, out _);
        for (int tried = 0; tried < query.Ready.Instances.Length; tried++)
        {
            Instance instance = query.Ready.Instances[(int)(turn++ % query.Ready.Instances.Length)];
            if (query.Obstacle(instance) is null)
                return new Choice(instance, PlacementRule.RoundRobin, [query.Score(instance, CandidateRole.NextInTurn)]);
        }
        return new Choice(null, PlacementRule.RoundRobin, []);
    }
}

/// <summary>Each request to the instance with the least queued prefill and fewest requests.</summary>
internal sealed class LeastLoadPolicy : IPlacementPolicy
{
    public Choice Place(in PlacementQuery query) => query.LeastLoaded() is { } instance
        ? new Choice(instance, PlacementRule.LeastLoad, [query.Score(instance, CandidateRole.LeastLoaded)])
        : new Choice(null, PlacementRule.LeastLoad, []);
}
