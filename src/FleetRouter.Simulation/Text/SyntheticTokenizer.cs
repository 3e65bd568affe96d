using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace FleetRouter.Simulation.Text;

/// <summary>
/// A reversible tokenizer without a vocabulary: a string's UTF-8 bytes in pieces of four, each piece the token id
/// (little-endian, the last piece padded with zero bytes). English text comes to about four bytes a token with real
/// tokenizers too, so lengths in tokens stay of the right size.
/// </summary>
/// <remarks>
/// Each string is tokenized on its own, so texts that were tokenized apart share tokens exactly where they share strings.
/// Padding is told from text by the byte zero, hence a NUL character at the end of a piece does not survive decoding.
/// </remarks>
public static class SyntheticTokenizer
{
    /// <summary>UTF-8 bytes in one token.</summary>
    public const int BytesPerToken = 4;

    /// <summary>The one token of the text before a model's reasoning, which ends the prompt of a chat that asks for it.</summary>
    public const uint ReasoningBegins = 0x7F7F7F7E;

    /// <summary>The one token of the text behind a model's reasoning. Its four bytes are characters that stand in no answer.</summary>
    public const uint ReasoningEnds = 0x7F7F7F7F;

    /// <summary>The text of <see cref="ReasoningEnds"/>, which a chat does not show.</summary>
    public const string ReasoningEndsText = "</think>";

    /// <summary>What stands for it where an answer's text is counted in four characters a token.</summary>
    public const string ReasoningEndsMark = "\u007F\u007F\u007F\u007F";

    /// <summary>The number of tokens <paramref name="text"/> has: its UTF-8 length over four, rounded up.</summary>
    public static int Count(string text) => (Encoding.UTF8.GetByteCount(text) + BytesPerToken - 1) / BytesPerToken;

    /// <summary>The token ids of one string.</summary>
    public static uint[] Encode(string text)
    {
        if (text == ReasoningEndsText)
            return [ReasoningEnds];
        var tokens = new uint[Count(text)];
        Fill(text, tokens);
        return tokens;
    }

    /// <summary>Adds the token ids of one string to <paramref name="tokens"/>.</summary>
    public static void Append(string text, List<uint> tokens)
    {
        int start = tokens.Count;
        CollectionsMarshal.SetCount(tokens, start + Count(text));
        Fill(text, CollectionsMarshal.AsSpan(tokens)[start..]);
    }

    /// <summary>The text of some tokens: their bytes joined, padding dropped. Bytes that are not UTF-8 become U+FFFD.</summary>
    public static string Decode(ReadOnlySpan<uint> tokens)
    {
        if (tokens.IndexOf(ReasoningEnds) is >= 0 and var end)
            return Decode(tokens[..end]) + ReasoningEndsText + Decode(tokens[(end + 1)..]);
        var bytes = new byte[tokens.Length * BytesPerToken];
        int length = 0;
        foreach (uint token in tokens)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(length), token);
            int used = BytesPerToken;
            while (used > 0 && bytes[length + used - 1] == 0)
                used--;
            length += used;
        }
        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    private static void Fill(string text, Span<uint> tokens)
    {
        if (tokens.IsEmpty)
            return;
        tokens[^1] = 0;
        Encoding.UTF8.GetBytes(text, MemoryMarshal.AsBytes(tokens));
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(tokens, tokens);
    }
}
