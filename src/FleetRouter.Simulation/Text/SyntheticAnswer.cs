using System.Buffers.Binary;

namespace FleetRouter.Simulation.Text;

/// <summary>
/// The answer to a prompt: token i is a pure function of the original prompt's token ids and i. Whoever holds the prompt
/// can therefore check any answer, whole or resumed, token by token.
/// </summary>
/// <remarks>The answer to a prompt that ends in <see cref="SyntheticTokenizer.ReasoningBegins"/> begins with reasoning, which one token ends. Every other is four ASCII bytes, a space and three of A-Z, a-z, 0-9, so its text needs no escaping in JSON.</remarks>
public readonly struct SyntheticAnswer : IEquatable<SyntheticAnswer>
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private readonly ulong _seed;

    private readonly bool _reasons;

    private SyntheticAnswer(ulong seed, uint last)
    {
        _seed = seed;
        _reasons = last == SyntheticTokenizer.ReasoningBegins;
    }

    /// <summary>Index of the token that ends the reasoning the answer begins with, from 2 on; null for no reasoning.</summary>
    public int? ReasoningEnd => _reasons ? 2 + (int)(_seed % 60) : null;

    /// <summary>The answer to a prompt.</summary>
    /// <param name="promptTokens">The original prompt, without any token of the answer.</param>
    public static SyntheticAnswer To(ReadOnlySpan<uint> promptTokens)
    {
        ulong seed = Mixing.First;
        foreach (uint token in promptTokens)
            seed = Extend(seed, token);
        return new SyntheticAnswer(seed, promptTokens.IsEmpty ? 0 : promptTokens[^1]);
    }

    /// <summary>
    /// Finds where a prompt of token ids ends and an answer already begun starts: the smallest k of at least 1 such that
    /// everything from k on is the beginning of the answer to everything before k. The whole is an original prompt if
    /// there is none. One pass: a prefix hash serves all k, and a false start shows at its first or second token.
    /// </summary>
    /// <param name="tokens">Original prompt and emitted tokens, one after the other.</param>
    /// <param name="emittedTokens">How many tokens at the end are the answer's.</param>
    /// <returns>The answer being resumed; its next token has the index <paramref name="emittedTokens"/>.</returns>
    public static SyntheticAnswer Resume(ReadOnlySpan<uint> tokens, out int emittedTokens)
    {
        ulong seed = Mixing.First;
        for (int k = 0; k < tokens.Length; k++)
        {
            if (k > 0 && (byte)tokens[k] == (byte)' ' && new SyntheticAnswer(seed, tokens[k - 1]) is var answer && answer.IsBegunBy(tokens[k..]))
            {
                emittedTokens = tokens.Length - k;
                return answer;
            }
            seed = Extend(seed, tokens[k]);
        }
        emittedTokens = 0;
        return new SyntheticAnswer(seed, tokens.IsEmpty ? 0 : tokens[^1]);
    }

    /// <summary>Token <paramref name="index"/> of the answer, counted from 0.</summary>
    public uint Token(int index)
    {
        if (_reasons && index == ReasoningEnd)
            return SyntheticTokenizer.ReasoningEnds;
        ulong draw = Mixing.SplitMix(_seed + ((ulong)(uint)index * Mixing.Golden));
        uint first = Letters[(int)((draw & 0xFFFF) % 62)];
        uint second = Letters[(int)(((draw >> 16) & 0xFFFF) % 62)];
        uint third = Letters[(int)(((draw >> 32) & 0xFFFF) % 62)];
        return ' ' | (first << 8) | (second << 16) | (third << 24);
    }

    /// <summary>The text of <paramref name="count"/> tokens from <paramref name="start"/> on: four characters each.</summary>
    public string Text(int start, int count) => string.Create(count * 4, (this, start), static (text, state) =>
    {
        for (int i = 0; i < text.Length; i += 4)
        {
            uint token = state.Item1.Token(state.start + (i / 4));
            for (int j = 0; j < 4; j++)
                text[i + j] = (char)(byte)(token >> (8 * j));
        }
    });

    /// <summary>Writes a token's four bytes of text.</summary>
    public void WriteUtf8(int index, Span<byte> destination) => BinaryPrimitives.WriteUInt32LittleEndian(destination, Token(index));

    /// <summary>
    /// The length this answer has when nothing limits it: log-normal-like, median about 180 tokens, within 4 and 1,500;
    /// lengths of chat answers spread like that.
    /// </summary>
    /// <param name="seed">Another seed gives other lengths to the same prompts.</param>
    public int NaturalLength(ulong seed)
    {
        // The sum of four uniform draws is near enough to a normal one: mean 2, deviation 0.577.
        ulong state = _seed ^ Mixing.SplitMix(seed);
        double sum = 0;
        for (int i = 0; i < 4; i++)
            sum += (state = Mixing.SplitMix(state)) / (double)ulong.MaxValue;
        double deviations = (sum - 2) / 0.577;
        return Math.Clamp((int)(180 * Math.Pow(2, 1.2 * deviations)), 4, 1500);
    }

    /// <inheritdoc/>
    public bool Equals(SyntheticAnswer other) => _seed == other._seed;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SyntheticAnswer other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => (int)_seed;

    /// <summary>Whether two answers are one.</summary>
    public static bool operator ==(SyntheticAnswer left, SyntheticAnswer right) => left.Equals(right);

    /// <summary>Whether two answers differ.</summary>
    public static bool operator !=(SyntheticAnswer left, SyntheticAnswer right) => !left.Equals(right);

    private bool IsBegunBy(ReadOnlySpan<uint> emitted)
    {
        for (int i = 0; i < emitted.Length; i++)
        {
            if (emitted[i] != Token(i))
                return false;
        }
        return true;
    }

    private static ulong Extend(ulong seed, uint token) => Mixing.Fold(seed ^ token ^ Mixing.Second, Mixing.Golden) + token;
}
