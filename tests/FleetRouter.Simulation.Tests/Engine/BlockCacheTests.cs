using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Tests.Engine;

public class BlockCacheTests
{
    /// <summary>The cache beside the plainest implementation of the same rules: a list of free blocks and a dictionary.</summary>
    [Theory]
    [InlineData(1, 7)]
    [InlineData(2, 100)]
    [InlineData(3, 1000)]
    public void It_does_what_a_list_and_a_dictionary_do(ulong seed, int capacity)
    {
        var cache = new BlockCache(capacity);
        var free = new List<int>(Enumerable.Range(0, capacity));
        var references = new int[capacity];
        var hashOf = new ulong[capacity];
        var blockOf = new Dictionary<ulong, int>();
        ulong state = seed;
        ulong Draw() => state = Mixing.SplitMix(state);

        for (int i = 0; i < 30_000; i++)
        {
            // Few hashes, most of which collide in the index's upper bits.
            ulong hash = ((Draw() % 4) << 32) + (Draw() % (ulong)(2 * capacity)) + 1;
            switch (Draw() % 3)
            {
                case 0 when free.Count > 0:
                    int taken = cache.Take();
                    Assert.Equal(free[0], taken);
                    free.RemoveAt(0);
                    references[taken] = 1;
                    if (hashOf[taken] != 0)
                        blockOf.Remove(hashOf[taken]);
                    hashOf[taken] = 0;
                    cache.Publish(taken, hash);
                    if (blockOf.TryAdd(hash, taken))
                        hashOf[taken] = hash;
                    break;
                case 1:
                    bool found = cache.TryFind(hash, out int block);
                    Assert.Equal(blockOf.TryGetValue(hash, out int expected), found);
                    if (found)
                    {
                        Assert.Equal(expected, block);
                        cache.Hold(block);
                        references[block]++;
                        free.Remove(block);
                    }
                    break;
                default:
                    int released = (int)(Draw() % (ulong)capacity);
                    if (references[released] > 0)
                    {
                        cache.Release(released);
                        if (--references[released] == 0)
                            free.Add(released);
                    }
                    break;
            }
            Assert.Equal((free.Count, blockOf.Count), (cache.Free, cache.Cached));
        }
    }
}
