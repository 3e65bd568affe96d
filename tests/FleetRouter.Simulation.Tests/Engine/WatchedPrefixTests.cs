using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Tests.Engine;

/// <summary>A watched prefix tells at any time what looking it up again would.</summary>
public class WatchedPrefixTests
{
    private const int Findable = 12, Capacity = 40;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void While_the_watch_holds_a_lookup_finds_the_same(ulong seed)
    {
        var cache = new BlockCache(Capacity);
        var held = new List<int>();
        ulong state = seed;
        int Draw(int below) => (int)((state = Mixing.SplitMix(state)) % (ulong)below);
        (int[] watched, _) = Look(cache);
        int kept = 0, broken = 0, filled = 0;
        cache.Watch([], 0, 1);
        for (int i = 0; i < 20_000; i++)
        {
            switch (Draw(4))
            {
                case 0 when cache.Free > 0:
                    held.Add(cache.Take());
                    cache.Publish(held[^1], (ulong)Draw(Findable + 40) + 1);
                    break;
                case 1 or 2 when held.Count > 0:
                    int at = Draw(held.Count);
                    cache.Release(held[at]);
                    held.RemoveAt(at);
                    break;
                case 3 when cache.TryFind((ulong)Draw(Findable) + 1, out int block):
                    cache.Hold(block);
                    held.Add(block);
                    break;
            }
            (int[] found, int free) = Look(cache);
            if (cache.WatchHolds)
            {
                kept++;
                Assert.True(watched.SequenceEqual(found), $"seed {seed}, step {i}: the prefix changed unseen");
                Assert.True(free == cache.WatchedFree, $"seed {seed}, step {i}: {free} blocks are free, {cache.WatchedFree} told");
            }
            else
            {
                broken++;
                filled += found.Length > 1 ? 1 : 0;
                watched = found;
                cache.Watch([.. found], free, found.Length < Findable ? (ulong)found.Length + 1 : 0);
            }
        }
        Assert.True(kept > 1_000 && broken > 100 && filled > 100, $"seed {seed}: kept {kept}, broken {broken}, filled {filled}");
    }

    private static (int[] Found, int Free) Look(BlockCache cache)
    {
        var found = new List<int>();
        while (found.Count < Findable && cache.TryFind((ulong)found.Count + 1, out int block))
            found.Add(block);
        return ([.. found], found.Count(cache.IsFree));
    }
}
