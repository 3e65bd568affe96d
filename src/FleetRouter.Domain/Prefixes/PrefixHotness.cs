using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Prefixes;

/// <summary>How long a prefix a request is placed by: the shortest that is not hot, so that a popular system prompt
/// spreads over many pairs while a conversation keeps to one.</summary>
/// <remarks>DualMap, arXiv 2602.06502, section on prefix granularity, in the form of its public port: keys at block depths
/// b·2^k, hot when more than 2/n of the last requests share it, n being the instances. Where the port ends at the deepest
/// depth a prompt has, a prompt hot down to there is placed by all of its text: otherwise every short question under one
/// popular system prompt would go to the same two instances.</remarks>
public sealed class PrefixHotness
{
    /// <summary>Requests the shares are counted over.</summary>
    public const int Window = 1_000;

    /// <summary>Below this many requests a share means nothing, so it is taken of this many.</summary>
    private const int LeastCounted = 100;

    /// <summary>Depths in blocks at which a prefix may be cut.</summary>
    internal static readonly int[] Depths = [4, 8, 16, 32, 64, 128, 256, 512];

    private readonly Dictionary<ulong, int> _counts = [];
    private readonly ulong[] _window = new ulong[Window * Depths.Length];
    private readonly byte[] _levels = new byte[Window];
    private int _next, _seen;

    /// <summary>Counts a request as the latest and returns the key to place it by among the instances that could take it. A prompt with no prefix worth
    /// keeping together is spread by its session, or by its text.</summary>
    internal PrefixKey KeyFor(PlacementRequest request, ReadySet ready) =>
        KeyFor(request.Prompt.Hashes, request.SessionId is { } session ? XxHash64.Of(session) : request.Prompt.TailHash, ready.Instances.Length);

    /// <summary>Counts <paramref name="chain"/> as the latest request and returns the key to place it by.</summary>
    /// <param name="chain">The request's block hashes.</param>
    /// <param name="tailHash">Key of a prompt hot to its last depth, or shorter than the first.</param>
    /// <param name="instances">Instances that could take it.</param>
    public PrefixKey KeyFor(ReadOnlySpan<ulong> chain, ulong tailHash, int instances)
    {
        Forget();
        int level = 0;
        for (; level < Depths.Length && Depths[level] <= chain.Length; level++)
        {
            ulong hash = chain[Depths[level] - 1];
            _window[_next * Depths.Length + level] = hash;
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_counts, hash, out _)++;
        }
        _levels[_next] = (byte)level;
        _next = (_next + 1) % Window;
        _seen = Math.Min(_seen + 1, Window);

        double counted = Math.Max(_seen, LeastCounted), hot = 2.0 / Math.Max(1, instances);
        double share = 0;
        for (int k = 0; k < level; k++)
        {
            ulong hash = chain[Depths[k] - 1];
            share = _counts[hash] / counted;
            if (share <= hot)
                return new PrefixKey(hash, Depths[k], share) { HotDepth = k == 0 ? 0 : Depths[k - 1] };
        }
        return new PrefixKey(tailHash, level == 0 ? 0 : Depths[level - 1], share) { HotDepth = level == 0 ? 0 : Depths[level - 1] };
    }

    private void Forget()
    {
        if (_seen < Window)
            return;
        for (int level = 0; level < _levels[_next]; level++)
        {
            ulong hash = _window[_next * Depths.Length + level];
            if (--System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_counts, hash, out _) == 0)
                _counts.Remove(hash);
        }
    }
}

/// <summary>The prefix a request is placed by.</summary>
/// <param name="Hash">Hash of the prefix; of the whole text, or of the session's id, where the prefix is hot to its end.</param>
/// <param name="Depth">Length in blocks of the prefix the share is of; 0 for a prompt shorter than the first depth.</param>
/// <param name="Share">Share of the last requests that have it, 0 to 1.</param>
public readonly record struct PrefixKey(ulong Hash, int Depth, double Share)
{
    /// <summary>Blocks of the prefix that are hot: more requests share them than one instance should take.</summary>
    public int HotDepth { get; init; }
}
