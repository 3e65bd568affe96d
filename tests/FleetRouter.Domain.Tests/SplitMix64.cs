using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests;

/// <summary>A seeded generator whose numbers never change with the runtime (Steele, Lea, Flood, OOPSLA 2014).</summary>
internal sealed class SplitMix64(ulong seed)
{
    private ulong _drawn;

    public ulong Next() => XxHash64.Mix(seed, ++_drawn);

    /// <summary>A whole number from 0 to <paramref name="limit"/> - 1.</summary>
    public int Below(int limit) => (int)(Next() % (ulong)limit);

    public bool Chance(double share) => (Next() >> 11) * (1.0 / (1UL << 53)) < share;

    public T Pick<T>(IReadOnlyList<T> among) => among[Below(among.Count)];
}
