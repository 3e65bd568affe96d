using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Placement;

/// <summary>The two distinct instances a prefix hashes to.</summary>
/// <remarks>Rendezvous hashing (Thaler and Ravishankar, IEEE/ACM ToN 1998) with two independent seeds: each hash takes the
/// instance with the highest mix of key and anchor, the second passing over the first's. An instance that joins or leaves
/// changes only the pairs it is part of, and every gateway with the same members computes the same pair.</remarks>
internal readonly record struct CandidatePair(Instance First, Instance? Second)
{
    private const ulong FirstSeed = 1, SecondSeed = 2;

    /// <summary>The pair of <paramref name="key"/> among <paramref name="members"/>, which is not empty.</summary>
    public static CandidatePair Of(ulong key, ReadOnlySpan<Instance> members)
    {
        ulong firstKey = XxHash64.Mix(key, FirstSeed), secondKey = XxHash64.Mix(key, SecondSeed);
        Instance first = members[0];
        Instance? second = null, runnerUp = null;
        ulong firstWeight = 0, secondWeight = 0, runnerUpWeight = 0;
        foreach (Instance member in members)
        {
            ulong weight = XxHash64.Mix(member.Anchor, firstKey);
            if (weight > firstWeight)
                (first, firstWeight) = (member, weight);
            weight = XxHash64.Mix(member.Anchor, secondKey);
            if (second is null || weight > secondWeight)
                (runnerUp, runnerUpWeight, second, secondWeight) = (second, secondWeight, member, weight);
            else if (runnerUp is null || weight > runnerUpWeight)
                (runnerUp, runnerUpWeight) = (member, weight);
        }
        return new CandidatePair(first, ReferenceEquals(second, first) ? runnerUp : second);
    }
}
