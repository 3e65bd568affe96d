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

    /// <summary>Keeps ids and chain hashes apart.</summary>
    private const ulong IdSeed = 0x5E5510;

    private readonly Dictionary<ulong, LinkedListNode<Home>> _homes = [];
    private readonly LinkedList<Home> _byAge = new();   // the longest unused first

    public int Count => _homes.Count;

    /// <summary>The id of the instance the request's conversation lives on; null if it has none.</summary>
    public string? Find(PlacementRequest request, int sharedDepth, TimeSpan now, TimeSpan idleTime) =>
        FindNode(request, sharedDepth) is { } node && now - node.Value.LastTurn <= idleTime ? node.Value.Instance : null;

    /// <summary>Makes <paramref name="instance"/> the home of the conversation <paramref name="work"/> belongs to.</summary>
    public void Settle(InFlight work, string instance, TimeSpan now, TimeSpan idleTime, int most)
    {
        PlacementRequest request = work.Request;
        if (FindNode(request, work.Key.Depth) is { } before)
            Forget(before);
        ulong? key = request.SessionId is { } id ? XxHash64.Of(id, IdSeed) : TailKey(request.Prompt.Hashes, work.Key.Depth);
        if (key is not { } known || most == 0)
            return;
        string? home = instance;
        if (_homes.TryGetValue(known, out LinkedListNode<Home>? same))
        {
            if (request.SessionId is null && (same.Value.Instance is null || Opens(request) && work.Attempt == 1))
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

    private LinkedListNode<Home>? FindNode(PlacementRequest request, int sharedDepth)
    {
        if (request.SessionId is { } id)
            return _homes.GetValueOrDefault(XxHash64.Of(id, IdSeed));
        if (Opens(request))
            return null;
        ulong[] chain = request.Prompt.Hashes;
        for (int depth = chain.Length / Stride * Stride; depth > sharedDepth; depth -= Stride)
            if (_homes.TryGetValue(chain[depth - 1], out LinkedListNode<Home>? node))
                return node.Value.Instance is null ? null : node;   // below a shared prompt lie only shared ones
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
