using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Sessions;

/// <summary>Where each conversation's cache is: the instance its last turn ran on. Bounded in number, forgotten by age.</summary>
/// <remarks>A conversation is known by the id its client gives. Without one it is known by its own prefix chain: the turn
/// that went before is a prefix of the next. A chain names a conversation only where it is longer than the prefix it is
/// placed by, since what is shorter may be a system prompt that many conversations share; and where two first turns are
/// alike as far as they are remembered, that is a system prompt too and no one's home.</remarks>
internal sealed class SessionHomes
{
    /// <summary>Chains are remembered at multiples of this many blocks, which bounds the look-ups a prompt costs.</summary>
    private const int Stride = 8;

    /// <summary>Blocks by which a conversation may grow in one turn and still be known, some 16,000 tokens: it bounds the
    /// look-ups of a long prompt without a home. What grows faster is found by the prefix index alone.</summary>
    private const int LongestTurn = 32 * Stride;

    /// <summary>Keeps ids and chain hashes apart.</summary>
    private const ulong IdSeed = 0x5E5510;

    private readonly Dictionary<ulong, LinkedListNode<Home>> _homes = [];
    private readonly LinkedList<Home> _byAge = new();   // the longest unused first

    public int Count => _homes.Count;

    /// <summary>The id of the instance the conversation of <paramref name="work"/> lives on; null if it has none.</summary>
    public string? Find(InFlight work, TimeSpan now, TimeSpan idleTime)
    {
        work.HomeKey = KeyOfLastTurn(work);
        return work.HomeKey is { } key && _homes[key].Value is var home && now - home.LastTurn <= idleTime ? home.Instance : null;
    }

    /// <summary>Makes <paramref name="instance"/> the home of the conversation of <paramref name="work"/>, just looked for
    /// by <see cref="Find"/>.</summary>
    public void Settle(InFlight work, string instance, TimeSpan now, TimeSpan idleTime, int most)
    {
        PlacementRequest request = work.Request;
        if (work.HomeKey is { } before)
            Forget(_homes[before]);
        ulong? key = request.SessionId is { } id ? XxHash64.Of(id, IdSeed) : TailKey(request.Prompt.Hashes, work.Key.Depth);
        if (key is not { } known || most == 0)
            return;
        string? home = instance;
        if (_homes.TryGetValue(known, out LinkedListNode<Home>? same))
        {
            if (request.SessionId is null && (same.Value.Instance is null || Opens(request) && work is { Attempt: 1, Moves: 0 }))
                home = null;
            Forget(same);
        }
        _homes[known] = _byAge.AddLast(new Home(known, home, now));
        Trim(now, idleTime, most);
    }

    /// <summary>Forgets what is too old or too many.</summary>
    public void Trim(TimeSpan now, TimeSpan idleTime, int most)
    {
        while (_byAge.First is { } oldest && (_homes.Count > most || now - oldest.Value.LastTurn > idleTime))
            Forget(oldest);
    }

    private ulong? KeyOfLastTurn(InFlight work)
    {
        if (work.Request.SessionId is { } id)
            return XxHash64.Of(id, IdSeed) is var known && _homes.ContainsKey(known) ? known : null;
        if (Opens(work.Request))
            return null;
        ulong[] chain = work.Request.Prompt.Hashes;
        int deepest = chain.Length / Stride * Stride;
        for (int depth = deepest; depth > Math.Max(work.Key.Depth, deepest - LongestTurn); depth -= Stride)
            if (_homes.TryGetValue(chain[depth - 1], out LinkedListNode<Home>? node))
                return node.Value.Instance is null ? null : chain[depth - 1];   // below a shared prompt lie only shared ones
        return null;
    }

    /// <summary>Whether a conversation begins with the request. A plain completion does not tell.</summary>
    private static bool Opens(PlacementRequest request) => request is { PriorTurns: 0, Api: not ApiKind.Completion };

    private static ulong? TailKey(ulong[] chain, int sharedDepth)
    {
        int depth = chain.Length / Stride * Stride;
        return depth > sharedDepth ? chain[depth - 1] : null;
    }

    private void Forget(LinkedListNode<Home> node)
    {
        _homes.Remove(node.Value.Key);
        _byAge.Remove(node);
    }

    /// <summary>A key remembered; without an instance where several conversations share it.</summary>
    private readonly record struct Home(ulong Key, string? Instance, TimeSpan LastTurn);
}
