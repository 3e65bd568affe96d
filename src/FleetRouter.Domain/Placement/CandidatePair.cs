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
    public static CandidatePair Of(ulong key, ReadySet members)
    {
        ulong firstKey = XxHash64.Mix(key, FirstSeed), secondKey = XxHash64.Mix(key, SecondSeed);
        int first = -1, second = -1, runnerUp = -1;
        ulong firstWeight = 0, secondWeight = 0, runnerUpWeight = 0;
        ulong[] anchors = members.Anchors;
        for (int i = 0; i < anchors.Length; i++)
        {
            ulong weight = XxHash64.Mix(anchors[i], firstKey);
            if (weight > firstWeight || first < 0)
                (first, firstWeight) = (i, weight);
            weight = XxHash64.Mix(anchors[i], secondKey);
            if (weight <= runnerUpWeight && runnerUp >= 0)
                continue;
            if (weight > secondWeight || second < 0)
                (runnerUp, runnerUpWeight, second, secondWeight) = (second, secondWeight, i, weight);
            else
                (runnerUp, runnerUpWeight) = (i, weight);
        }
        int other = second == first ? runnerUp : second;
        return new CandidatePair(members.Instances[first], other < 0 ? null : members.Instances[other]);
    }
}
