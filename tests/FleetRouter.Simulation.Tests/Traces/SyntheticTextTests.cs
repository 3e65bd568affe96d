using System.Text;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Tests.Traces;

public class SyntheticTextTests
{
    [Fact]
    public void The_generator_gives_the_published_sequence()
    {
        var random = new SplitMix64(1234567);
        ulong[] published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        foreach (var expected in published) Assert.Equal(expected, random.Next());
    }

    [Fact]
    public void A_text_is_the_same_everywhere_and_its_beginning_does_not_depend_on_its_length()
    {
        byte[] whole = new byte[400], part = new byte[36];
        SyntheticText.Fill(42, whole);
        SyntheticText.Fill(42, part);
        Assert.Equal(whole[..36], part);
        Assert.Equal("henujonuviln", Encoding.ASCII.GetString(part)[..12]);
    }

    [Fact]
    public void A_text_needs_no_escapes_in_JSON()
    {
        var text = new byte[1 << 16];
        SyntheticText.Fill(7, text);
        Assert.All(text, letter => Assert.True(letter is (byte)' ' or >= (byte)'a' and <= (byte)'z'));
        Assert.True(Encoding.ASCII.GetString(text).Split(' ').Length > 1000);
    }

    [Fact]
    public void Texts_of_different_keys_differ_within_a_few_tokens()
    {
        var texts = Enumerable.Range(0, 2000).Select(key =>
        {
            var text = new byte[16];
            SyntheticText.Fill(SplitMix64.Combine(9, (ulong)key), text);
            return Encoding.ASCII.GetString(text);
        });
        Assert.Equal(2000, texts.Distinct().Count());
    }

    [Fact]
    public void Block_texts_share_bytes_exactly_as_far_as_their_blocks()
    {
        BlockText Of(int tokens, params long[] ids) => new(512, [.. ids.Select(id => new BlockRun(1, id, 1))], tokens);
        var left = TextOf.Blocks(Of(1500, 0, 1, 2));
        var right = TextOf.Blocks(Of(2000, 0, 1, 3, 4));
        var cut = TextOf.Blocks(Of(1200, 0, 1, 2));
        Assert.Equal(1500 * 4, left.Length);
        Assert.InRange(TextOf.SharedPrefix(left, right), 1024 * 4, 1024 * 4 + 12);
        Assert.Equal(cut.Length, TextOf.SharedPrefix(left, cut));
        Assert.NotEqual(left, TextOf.Blocks(Of(1500, 0, 1, 2), seed: 2));
    }

    [Fact]
    public void A_text_longer_than_its_blocks_is_refused() =>
        Assert.Throws<ArgumentException>(() => new BlockText(512, [new BlockRun(1, 0, 2)], 1025));
}
