using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Prefixes;

public sealed class PrefixIndexTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void It_holds_what_a_block_by_block_model_holds(ulong seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new SplitMix64(seed);
        var index = new PrefixIndex(200);
        var model = new BlockModel(200);
        var known = new List<ulong[]>();
        for (int step = 0; step < 20_000; step++)
        {
            ulong[] chain = NextChain(random, known);
            switch (random.Below(100))
            {
                case 0 when random.Chance(0.2):
                    index.Clear();
                    model.Clear();
                    break;
                case 1:
                    int capacity = random.Below(random.Chance(0.3) ? 10 : 400);
                    index.CapacityBlocks = capacity;
                    model.CapacityBlocks = Math.Max(1, capacity);
                    break;
                case < 70:
                    index.Touch(chain);
                    model.Touch(chain);
                    break;
            }
            Assert.Equal(model.CachedBlocks(chain), index.CachedBlocks(chain));
            Assert.Equal(model.Blocks, index.Blocks);
            Assert.True(index.Blocks <= index.CapacityBlocks);
            if (step % 100 == 0)
                foreach (ulong[] other in known)
                    Assert.Equal(model.CachedBlocks(other), index.CachedBlocks(other));
        }
    }

    [Fact]
    public void What_would_be_evicted_next_is_told_oldest_first_and_without_what_is_pinned()
    {
        var index = new PrefixIndex(100);
        ulong[] pinned = [1, 2, 3], old = [4, 5], grown = [6, 7, 8, 9];
        index.Touch(pinned, TimeSpan.FromSeconds(1));
        PrefixPin pin = index.Pin(pinned);
        index.Touch(old, TimeSpan.FromSeconds(2));
        index.Touch(grown, TimeSpan.FromSeconds(3));
        index.Touch(grown[..1], TimeSpan.FromSeconds(4));
        CachedRun[] expected = [new(2, TimeSpan.FromSeconds(2)), new(3, TimeSpan.FromSeconds(3)), new(1, TimeSpan.FromSeconds(4))];
        Assert.Equal(expected, InOrder());
        index.Unpin(pinned, pin, TimeSpan.FromSeconds(5));
        Assert.Equal([.. expected, new CachedRun(3, TimeSpan.FromSeconds(5))], InOrder());

        List<CachedRun> InOrder()
        {
            var runs = new List<CachedRun>();
            foreach (CachedRun run in index.Evictions)
                runs.Add(run);
            return runs;
        }
    }

    [Fact]
    public void The_longest_held_prefix_is_found_at_every_length()
    {
        var index = new PrefixIndex(1_000);
        ulong[] chain = Prompts.Of((1, 50)).Hashes;
        index.Touch(chain[..30]);
        for (int length = 0; length <= 50; length++)
            Assert.Equal(Math.Min(length, 30), index.CachedBlocks(chain.AsSpan(0, length)));
    }

    [Fact]
    public void The_deepest_blocks_of_the_oldest_prompt_go_first()
    {
        var index = new PrefixIndex(10);
        ulong[] old = Prompts.Of((1, 6)).Hashes, young = Prompts.Of((2, 6)).Hashes;
        index.Touch(old);
        index.Touch(young);
        Assert.Equal((4, 6), (index.CachedBlocks(old), index.CachedBlocks(young)));
    }

    [Fact]
    public void A_prefix_in_use_keeps_its_place_while_what_lies_below_it_ages()
    {
        var index = new PrefixIndex(12);
        ulong[] whole = Prompts.Of((1, 4), (2, 4)).Hashes;
        index.Touch(whole);
        index.Touch(Prompts.Of((3, 4)).Hashes);
        index.Touch(whole[..4]);
        index.Touch(Prompts.Of((4, 4)).Hashes);
        Assert.Equal(4, index.CachedBlocks(whole));
        Assert.Equal(4, index.CachedBlocks(Prompts.Of((3, 4)).Hashes));
    }

    [Fact]
    public void A_prompt_longer_than_the_cache_keeps_its_beginning()
    {
        var index = new PrefixIndex(10);
        ulong[] chain = Prompts.Of((1, 25)).Hashes;
        index.Touch(chain);
        Assert.Equal(10, index.CachedBlocks(chain));
        Assert.Equal(10, index.Blocks);
    }

    [Fact]
    public void A_growing_conversation_is_held_whole_at_every_turn()
    {
        var index = new PrefixIndex(10_000);
        ulong[] chain = Prompts.Of((1, 900)).Hashes;
        for (int length = 1; length <= chain.Length; length += 13)
        {
            index.Touch(chain[..length]);
            Assert.Equal(length, index.CachedBlocks(chain));
            Assert.Equal(length, index.Blocks);
        }
    }

    /// <summary>Mostly a continuation, a branch or a repetition of something seen, so that runs split, grow and shrink.</summary>
    private static ulong[] NextChain(SplitMix64 random, List<ulong[]> known)
    {
        ulong[] stem = known.Count == 0 || random.Chance(0.1) ? [] : random.Pick(known);
        int kept = random.Chance(0.4) ? stem.Length : random.Below(stem.Length + 1);
        int added = random.Chance(0.3) ? 0 : random.Below(random.Chance(0.05) ? 250 : 12);
        ulong[] chain = new ulong[kept + added];
        stem.AsSpan(0, kept).CopyTo(chain);
        ulong branch = (ulong)random.Below(3);
        for (int i = kept; i < chain.Length; i++)
            chain[i] = XxHash64.Mix(i == 0 ? 0 : chain[i - 1], branch + 1);
        if (known.Count < 60)
            known.Add(chain);
        else
            known[random.Below(60)] = chain;
        return chain;
    }

    /// <summary>The definition, slowly: each block by its hash with its last use; evicts the least recently used, of equals the deepest.</summary>
    private sealed class BlockModel(long capacity)
    {
        private readonly Dictionary<ulong, (long Used, int Depth)> _blocks = [];
        private long _uses, _capacity = capacity;

        public long Blocks => _blocks.Count;

        public long CapacityBlocks
        {
            set { _capacity = value; Evict(); }
        }

        public int CachedBlocks(ulong[] chain)
        {
            int depth = 0;
            while (depth < chain.Length && _blocks.ContainsKey(chain[depth]))
                depth++;
            return depth;
        }

        public void Touch(ulong[] chain)
        {
            _uses++;
            for (int depth = 0; depth < chain.Length; depth++)
                _blocks[chain[depth]] = (_uses, depth);
            Evict();
        }

        public void Clear() => _blocks.Clear();

        private void Evict()
        {
            int excess = (int)Math.Max(0, _blocks.Count - _capacity);
            if (excess == 0)
                return;
            foreach (ulong block in _blocks.OrderBy(b => b.Value.Used).ThenByDescending(b => b.Value.Depth).Take(excess).Select(b => b.Key).ToList())
                _blocks.Remove(block);
        }
    }
}
