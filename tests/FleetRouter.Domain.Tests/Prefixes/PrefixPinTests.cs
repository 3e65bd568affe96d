using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Prefixes;

public sealed class PrefixPinTests
{
    private static readonly ulong[] One = Prompts.Of((1, 4), (2, 3)).Hashes, Other = Prompts.Of((1, 4), (3, 2)).Hashes;

    [Fact]
    public void What_several_share_is_counted_once()
    {
        var index = new PrefixIndex(100);
        PrefixPin one = TouchAndPin(index, One), other = TouchAndPin(index, Other);
        Assert.Equal(9, index.PinnedBlocks);
        index.Unpin(One, one, default);
        Assert.Equal(6, index.PinnedBlocks);
        index.Unpin(Other, other, default);
        Assert.Equal(0, index.PinnedBlocks);
    }

    [Fact]
    public void What_is_pinned_is_not_evicted_and_is_the_latest_used_when_let_go()
    {
        var index = new PrefixIndex(10);
        PrefixPin pin = TouchAndPin(index, One);
        for (ulong i = 10; i < 30; i++)
            index.Touch(Prompts.Of((i, 8)).Hashes);
        Assert.Equal(7, index.CachedBlocks(One, out _, out int pinned));
        Assert.Equal(7, pinned);
        index.Unpin(One, pin, TimeSpan.FromSeconds(9));
        index.Touch(Prompts.Of((40, 3)).Hashes);
        Assert.Equal(7, index.CachedBlocks(One, out TimeSpan usedAt, out pinned));
        Assert.Equal((TimeSpan.FromSeconds(9), 0), (usedAt, pinned));
    }

    [Fact]
    public void A_pin_ends_with_the_life_it_was_made_in()
    {
        var index = new PrefixIndex(100);
        PrefixPin before = TouchAndPin(index, One);
        index.Clear();
        PrefixPin after = TouchAndPin(index, One);
        index.Unpin(One, before, default);
        Assert.Equal(7, index.PinnedBlocks);
        index.Unpin(One, after, default);
        Assert.Equal(0, index.PinnedBlocks);
    }

    [Fact]
    public void What_others_add_below_a_prompt_that_did_not_fit_is_not_let_go_with_it()
    {
        var index = new PrefixIndex(5);
        PrefixPin cut = TouchAndPin(index, One);
        Assert.Equal(5, index.PinnedBlocks);
        index.CapacityBlocks = 100;
        PrefixPin whole = TouchAndPin(index, One);
        Assert.Equal(7, index.PinnedBlocks);
        index.Unpin(One, cut, default);
        Assert.Equal(7, index.PinnedBlocks);
        index.Unpin(One, whole, default);
        Assert.Equal(0, index.PinnedBlocks);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_pin_is_counted_as_long_as_it_lasts(ulong seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new SplitMix64(seed);
        var index = new PrefixIndex(60);
        var pins = new List<(ulong[] Chain, PrefixPin Pin)>();
        for (int step = 0; step < 5_000; step++)
        {
            ulong[] chain = Prompts.Of([.. Enumerable.Range(0, 1 + random.Below(4)).Select(_ => ((ulong)random.Below(3), 1 + random.Below(30)))]).Hashes;
            switch (random.Below(10))
            {
                case < 4:
                    pins.Add((chain, TouchAndPin(index, chain)));
                    break;
                case < 9 when pins.Count > 0:
                    int which = random.Below(pins.Count);
                    index.Unpin(pins[which].Chain, pins[which].Pin, default);
                    pins.RemoveAt(which);
                    break;
                case 9 when random.Chance(0.05):
                    index.Clear();
                    pins.Clear();
                    break;
                default:
                    index.Touch(chain);
                    break;
            }
            HashSet<ulong> held = [.. pins.SelectMany(p => p.Chain.Take(p.Pin.Depth))];
            Assert.Equal(held.Count, index.PinnedBlocks);
            Assert.All(pins, p => Assert.True(index.CachedBlocks(p.Chain) >= p.Pin.Depth));
            Assert.True(index.Blocks <= Math.Max(index.CapacityBlocks, index.PinnedBlocks));
        }
    }

    private static PrefixPin TouchAndPin(PrefixIndex index, ulong[] chain)
    {
        index.Touch(chain);
        return index.Pin(chain);
    }
}
