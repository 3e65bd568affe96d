using System.Runtime.InteropServices;
using System.Text;

namespace FleetRouter.Simulation.Text;

/// <summary>
/// The chained hash of the engine's prefix cache: a block's hash covers its own tokens and, by way of its parent, all
/// before it, so one hash names a whole prefix. Only full blocks have one. After vLLM's kv_cache_utils, with a 64-bit
/// hash of the wyhash family in place of SHA-256.
/// </summary>
public static class BlockHash
{
    /// <summary>Tokens in a block, vLLM's default.</summary>
    public const int BlockSize = 16;

    /// <summary>The parent of a first block.</summary>
    /// <param name="salt">What keeps caches apart: adapter name and cache salt; empty or null for none.</param>
    public static ulong Root(string? salt = null)
    {
        ulong root = Mixing.Second;
        foreach (byte part in Encoding.UTF8.GetBytes(salt ?? ""))
            root = Mixing.Fold(root ^ part, Mixing.Golden) + part;
        return root;
    }

    /// <summary>The hash of a full block after its parent's; never 0, which stands for "no hash".</summary>
    /// <param name="parent">The hash of the block before, or <see cref="Root"/>.</param>
    /// <param name="block">Exactly <see cref="BlockSize"/> token ids.</param>
    public static ulong Next(ulong parent, ReadOnlySpan<uint> block)
    {
        var words = MemoryMarshal.Cast<uint, ulong>(block[..BlockSize]);
        ulong hash = parent;
        for (int i = 0; i < words.Length; i += 2)
            hash = Mixing.Fold(words[i] ^ hash ^ Mixing.First, words[i + 1] ^ Mixing.Second) + words[i];
        hash = Mixing.SplitMix(hash ^ parent);
        return hash == 0 ? 1 : hash;
    }

    /// <summary>The hashes of all full blocks of a prompt, first block first.</summary>
    /// <param name="tokens">The prompt.</param>
    /// <param name="root">The parent of the first block.</param>
    public static ulong[] Chain(ReadOnlySpan<uint> tokens, ulong root)
    {
        var hashes = new ulong[tokens.Length / BlockSize];
        for (int i = 0; i < hashes.Length; i++)
            hashes[i] = root = Next(root, tokens.Slice(i * BlockSize, BlockSize));
        return hashes;
    }
}
