using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Tests.Prefixes;

public sealed class PromptChainTests
{
    [Fact]
    public void A_chain_does_not_depend_on_the_pieces_the_prompt_comes_in()
    {
        const ulong seed = 20_260_101;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new SplitMix64(seed);
        var builder = new PromptChainBuilder();
        for (int round = 0; round < 300; round++)
        {
            byte[] prompt = new byte[random.Below(round % 10 == 0 ? 40_000 : 1_500)];
            foreach (ref byte b in prompt.AsSpan())
                b = (byte)random.Next();
            PromptChain whole = Chain(builder, 7, prompt);
            builder.Start(7);
            for (int at = 0; at < prompt.Length;)
            {
                int piece = Math.Min(random.Below(random.Chance(0.5) ? 20 : 700), prompt.Length - at);
                builder.Append(prompt.AsSpan(at, piece));
                at += piece;
            }
            PromptChain pieced = builder.Finish();
            Assert.Equal(whole.Hashes, pieced.Hashes);
            Assert.Equal((whole.Bytes, whole.TailHash), (pieced.Bytes, pieced.TailHash));
            Assert.Equal(prompt.Length / PromptChain.BlockBytes, whole.Hashes.Length);
            Assert.Equal(prompt.Length, whole.Bytes);
        }
    }

    [Fact]
    public void Hashes_agree_exactly_as_far_as_the_prompts_do()
    {
        byte[] one = new byte[10 * PromptChain.BlockBytes], other = new byte[10 * PromptChain.BlockBytes];
        other[5 * PromptChain.BlockBytes + 17] = 1;
        ulong[] a = Chain(new(), 0, one).Hashes, b = Chain(new(), 0, other).Hashes;
        Assert.Equal(5, a.AsSpan().CommonPrefixLength(b));
        Assert.Empty(a[5..].Intersect(b[5..]));
    }

    [Fact]
    public void Equal_blocks_at_different_depths_hash_differently() =>
        Assert.Equal(10, Chain(new(), 0, new byte[10 * PromptChain.BlockBytes]).Hashes.Distinct().Count());

    [Fact]
    public void Prompts_under_different_seeds_share_nothing()
    {
        byte[] prompt = new byte[3 * PromptChain.BlockBytes + 1];
        PromptChain a = Chain(new(), 1, prompt), b = Chain(new(), 2, prompt);
        Assert.Empty(a.Hashes.Intersect(b.Hashes));
        Assert.NotEqual(a.TailHash, b.TailHash);
    }

    [Fact]
    public void A_prompt_shorter_than_a_block_is_told_by_its_tail_alone()
    {
        PromptChain a = Chain(new(), 1, "hello"u8), b = Chain(new(), 1, "hallo"u8);
        Assert.Empty(a.Hashes);
        Assert.NotEqual(a.TailHash, b.TailHash);
    }

    [Fact]
    public void A_finished_chain_is_not_changed_by_the_next_prompt()
    {
        var builder = new PromptChainBuilder();
        PromptChain first = Chain(builder, 0, new byte[600]);
        ulong[] kept = [.. first.Hashes];
        Chain(builder, 5, "something else entirely"u8);
        Assert.Equal(kept, first.Hashes);
    }

    private static PromptChain Chain(PromptChainBuilder builder, ulong seed, ReadOnlySpan<byte> prompt)
    {
        builder.Start(seed);
        builder.Append(prompt);
        return builder.Finish();
    }
}
