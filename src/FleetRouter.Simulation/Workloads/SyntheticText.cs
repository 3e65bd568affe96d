using System.Runtime.InteropServices;

namespace FleetRouter.Simulation.Workloads;

/// <summary>
/// Deterministic pseudo-words. Each key names one endless text; its first 4n bytes are n tokens to an engine that counts
/// four bytes a token. The bytes are lower-case ASCII letters and spaces, so they stand in JSON without escapes.
/// </summary>
public static class SyntheticText
{
    /// <summary>Bytes of one token.</summary>
    public const int BytesPerToken = 4;

    private const int PieceBits = 12;
    private static readonly uint[] Pieces = MakePieces();

    /// <summary>Writes the beginning of the text that <paramref name="key"/> names.</summary>
    /// <param name="key">The text's name.</param>
    /// <param name="destination">Filled whole; its length is the text's, in bytes, and a multiple of 4.</param>
    public static void Fill(ulong key, Span<byte> destination)
    {
        if (destination.Length % BytesPerToken != 0)
            throw new ArgumentException($"{destination.Length} bytes are not a whole number of tokens.", nameof(destination));
        var random = new SplitMix64(key);
        var tokens = MemoryMarshal.Cast<byte, uint>(destination);
        ulong bits = 0;
        for (var i = 0; i < tokens.Length; i++)
        {
            // Five pieces of 12 bits come out of each draw.
            bits = i % 5 == 0 ? random.Next() : bits >> PieceBits;
            tokens[i] = Pieces[bits & ((1 << PieceBits) - 1)];
        }
    }

    // 4096 distinct pieces of a syllable and its end; a quarter of them end a word.
    private static uint[] MakePieces()
    {
        const string consonants = "bcdfghjklmnprstv", vowels = "aeio", ends = " nsu";
        var pieces = new uint[1 << PieceBits];
        for (var i = 0; i < pieces.Length; i++)
        {
            ReadOnlySpan<byte> piece =
            [
                (byte)consonants[i & 15], (byte)vowels[(i >> 4) & 3], (byte)consonants[(i >> 6) & 15], (byte)ends[i >> 10],
            ];
            pieces[i] = MemoryMarshal.Read<uint>(piece);
        }
        return pieces;
    }
}
