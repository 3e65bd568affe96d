using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Tests.Engine;

public class SyntheticTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("four")]
    [InlineData("fives")]
    [InlineData("Grüße, 世界 🌍, and a tail")]
    public void Text_survives_the_way_into_tokens_and_back(string text)
    {
        var tokens = SyntheticTokenizer.Encode(text);
        Assert.Equal(SyntheticTokenizer.Count(text), tokens.Length);
        Assert.Equal(text, SyntheticTokenizer.Decode(tokens));
    }

    [Fact]
    public void A_token_is_four_bytes_little_endian() =>
        Assert.Equal([0x64636261u, 0x65u], SyntheticTokenizer.Encode("abcde"));

    [Fact]
    public void The_next_turn_begins_with_exactly_the_previous_prompt_and_answer()
    {
        var first = ChatPrompt.Render([new("system", "Be brief."), new("user", "Why is the sky blue?")]).Tokens;
        var answer = SyntheticAnswer.To(first);
        var second = ChatPrompt.Render(
            [new("system", "Be brief."), new("user", "Why is the sky blue?"), new("assistant", answer.Text(0, 25)), new("user", "Sure?")]).Tokens;
        uint[] expected = [.. first, .. Enumerable.Range(0, 25).Select(answer.Token)];
        Assert.Equal(expected, second[..expected.Length]);
    }

    [Fact]
    public void A_continued_final_message_has_the_prompt_of_the_original_and_the_emitted_tokens()
    {
        var original = ChatPrompt.Render([new("user", "Hello")]).Tokens;
        var answer = SyntheticAnswer.To(original);
        var resumed = ChatPrompt.Render([new("user", "Hello"), new("assistant", answer.Text(0, 7))], addGenerationPrompt: false, continueFinalMessage: true);
        Assert.Equal(7, resumed.EmittedTokens);
        Assert.Equal(original, resumed.Tokens[..^7]);
    }

    [Fact]
    public void Both_template_flags_together_are_refused() =>
        Assert.Throws<ArgumentException>(() => ChatPrompt.Render([new("assistant", "x")], true, true));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300)]
    public void A_resume_point_is_found_in_a_run_of_token_ids(int emitted)
    {
        var prompt = ChatPrompt.Render([new("user", "A question with an answer inside: " + SyntheticAnswer.To([1, 2, 3]).Text(0, 40))]).Tokens;
        var answer = SyntheticAnswer.To(prompt);
        var resumed = SyntheticAnswer.Resume([.. prompt, .. Enumerable.Range(0, emitted).Select(answer.Token)], out int found);
        Assert.Equal(emitted, found);
        Assert.Equal(answer, resumed);
    }

    [Fact]
    public void An_answer_with_one_token_wrong_is_a_prompt_of_its_own()
    {
        var prompt = SyntheticTokenizer.Encode("A prompt of some length.");
        var answer = SyntheticAnswer.To(prompt);
        uint[] tokens = [.. prompt, answer.Token(0), answer.Token(1), answer.Token(3)];
        Assert.NotEqual(answer, SyntheticAnswer.Resume(tokens, out int emitted));
        Assert.Equal(0, emitted);
    }

    [Fact]
    public void Answers_are_a_space_and_three_letters_or_digits_a_token()
    {
        string text = SyntheticAnswer.To([42]).Text(0, 1000);
        Assert.Equal(4000, text.Length);
        for (int i = 0; i < text.Length; i++)
            Assert.True(i % 4 == 0 ? text[i] == ' ' : char.IsAsciiLetterOrDigit(text[i]));
        Assert.Equal(text, SyntheticTokenizer.Decode(SyntheticTokenizer.Encode(text)));
    }

    [Fact]
    public void Natural_lengths_spread_like_answers_of_a_chat()
    {
        var lengths = Enumerable.Range(0, 4000).Select(i => SyntheticAnswer.To([(uint)i]).NaturalLength(1)).Order().ToList();
        Assert.InRange(lengths[2000], 150, 210);
        Assert.InRange(lengths[400], 50, 90);
        Assert.InRange(lengths[3600], 380, 620);
        Assert.All(lengths, length => Assert.InRange(length, 4, 1500));
    }

    [Fact]
    public void A_block_hash_names_its_whole_prefix()
    {
        uint[] tokens = [.. Enumerable.Range(0, 100).Select(i => (uint)i)];
        var chain = BlockHash.Chain(tokens, BlockHash.Root());
        Assert.Equal(6, chain.Length);
        Assert.Equal(chain, BlockHash.Chain(tokens, BlockHash.Root()));
        tokens[3]++;
        Assert.All(BlockHash.Chain(tokens, BlockHash.Root()).Zip(chain), pair => Assert.NotEqual(pair.First, pair.Second));
        Assert.NotEqual(BlockHash.Root("a"), BlockHash.Root("b"));
    }

    [Fact]
    public void Block_hashes_do_not_collide_in_two_hundred_thousand_prefixes()
    {
        var seen = new HashSet<ulong>();
        Span<uint> block = stackalloc uint[16];
        ulong parent = BlockHash.Root();
        for (uint i = 0; i < 200_000; i++)
        {
            block[(int)(i % 16)] = i / 16;
            ulong hash = BlockHash.Next(i % 1000 == 0 ? parent = BlockHash.Root(i.ToString(System.Globalization.CultureInfo.InvariantCulture)) : parent, block);
            Assert.True(seen.Add(hash));
            parent = hash;
        }
    }
}
