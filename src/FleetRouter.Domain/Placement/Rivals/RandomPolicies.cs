using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Placement.Rivals;

/// <summary>Each request to any instance that can take it, all alike (lightseekorg/smg:model_gateway/src/policies/random.rs).
/// The generator is part of the state, so the same events give the same places.</summary>
internal sealed class RandomPolicy(ulong seed) : IPlacementPolicy
{
    private readonly SeededGenerator _generator = new(seed);

    public Choice Place(in PlacementQuery query)
    {
        int takers = Takers.Count(query);
        return query.Choose(takers == 0 ? null : Takers.At(query, _generator.Below(takers)));
    }
}

/// <summary>Each request to the one with fewer requests of two instances drawn at random.</summary>
/// <remarks>Mitzenmacher, The power of two choices in randomized load balancing, IEEE TPDS 2001;
/// lightseekorg/smg:model_gateway/src/policies/power_of_two.rs: two distinct instances, the first drawn among equals.</remarks>
internal sealed class PowerOfTwoPolicy(ulong seed) : IPlacementPolicy
{
    private readonly SeededGenerator _generator = new(seed);

    public Choice Place(in PlacementQuery query)
    {
        int takers = Takers.Count(query);
        if (takers < 2)
            return query.Choose(takers == 0 ? null : Takers.At(query, 0));
        int first = _generator.Below(takers), second = _generator.Below(takers - 1);
        Instance one = Takers.At(query, first), other = Takers.At(query, second + (second >= first ? 1 : 0));
        return new Choice(other.AllRequests < one.AllRequests ? other : one, PlacementRule.Score,
            [query.Score(one, CandidateRole.Scored), query.Score(other, CandidateRole.Scored)]);
    }
}

/// <summary>The instances that can take a request, in order of id.</summary>
internal static class Takers
{
    public static int Count(in PlacementQuery query)
    {
        int count = 0;
        foreach (Instance instance in query.Ready.Instances)
            count += query.Obstacle(instance) is null ? 1 : 0;
        return count;
    }

    public static Instance At(in PlacementQuery query, int place)
    {
        foreach (Instance instance in query.Ready.Instances)
            if (query.Obstacle(instance) is null && place-- == 0)
                return instance;
        throw new ArgumentOutOfRangeException(nameof(place), "there are not that many instances that can take the request");
    }
}

/// <summary>SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same numbers in every process.</summary>
internal sealed class SeededGenerator(ulong seed)
{
    private ulong _drawn;

    /// <summary>A whole number from 0 to <paramref name="limit"/> - 1.</summary>
    public int Below(int limit) => (int)(XxHash64.Mix(seed, ++_drawn) % (ulong)limit);
}
