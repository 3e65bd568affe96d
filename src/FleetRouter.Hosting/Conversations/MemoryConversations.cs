using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting.Conversations;

/// <summary>Conversations of one gateway, gone when it stops. Bounded in bytes, and thereby in number: what was used longest ago goes first.</summary>
/// <remarks>A turn's history is used whenever it is read, so a conversation that goes on keeps its beginning.</remarks>
/// <param name="mostBytes">Bytes that all answers may take together, with <see cref="Overhead"/> for each.</param>
/// <param name="time">Tells what has expired.</param>
public sealed class MemoryConversations(long mostBytes, TimeProvider time) : IConversations
{
    /// <summary>Bytes an answer takes beside its own: objects, ids and its place in the order.</summary>
    public const int Overhead = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<StoredResponse>> _byId = new(StringComparer.Ordinal);
    private readonly LinkedList<StoredResponse> _byUse = new();   // the longest unused first

    /// <inheritdoc />
    public bool IsShared => false;

    /// <summary>Answers kept.</summary>
    public int Count { get { lock (_lock) return _byId.Count; } }

    /// <summary>Bytes they take.</summary>
    public long Bytes { get; private set; }

    /// <summary>Answers that went before they expired, for want of room.</summary>
    public long Dropped { get; private set; }

    /// <inheritdoc />
    public Task SaveAsync(StoredResponse response, CancellationToken cancellation)
    {
        lock (_lock)
        {
            if (_byId.TryGetValue(response.Id, out LinkedListNode<StoredResponse>? before))
                Remove(before);
            Add(response);
            Trim();
        }
        return Task.CompletedTask;
    }

    /// <summary>Keeps those answers it does not have, and counts all of them as used now.</summary>
    public void Remember(IReadOnlyList<StoredResponse> responses)
    {
        lock (_lock)
        {
            foreach (StoredResponse response in responses)
                if (_byId.TryGetValue(response.Id, out LinkedListNode<StoredResponse>? known))
                    Use(known);
                else
                    Add(response);
            Trim();
        }
    }

    /// <summary>Forgets answers, whoever's they are.</summary>
    public void Forget(IEnumerable<string> ids)
    {
        lock (_lock)
            foreach (string id in ids)
                if (_byId.TryGetValue(id, out LinkedListNode<StoredResponse>? known))
                    Remove(known);
    }

    /// <inheritdoc />
    public Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation)
    {
        lock (_lock)
            return Task.FromResult(Find(id, owner)?.Value);
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation)
    {
        var turns = new List<StoredResponse>();
        lock (_lock)
        {
            for (string? next = id; next is not null; next = turns[^1].PreviousId)
            {
                if (Find(next, owner) is not { } turn)
                    return Task.FromResult<IReadOnlyList<StoredResponse>>([]);
                turns.Add(turn.Value);
            }
            turns.Reverse();
            foreach (StoredResponse turn in turns)
                Use(_byId[turn.Id]);
        }
        return Task.FromResult<IReadOnlyList<StoredResponse>>(turns);
    }

    /// <inheritdoc />
    public Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation)
    {
        lock (_lock)
        {
            LinkedListNode<StoredResponse>? found = Find(id, owner);
            if (found is not null)
                Remove(found);
            return Task.FromResult(found is not null);
        }
    }

    /// <inheritdoc />
    public ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation) => new((string?)null);

    /// <inheritdoc />
    public void Settled(string pool, string session, string instance)
    {
        // The pool remembers the homes of the sessions it serves; no other gateway could ask here.
    }

    private LinkedListNode<StoredResponse>? Find(string id, string owner)
    {
        if (!_byId.TryGetValue(id, out LinkedListNode<StoredResponse>? found) || found.Value.Owner != owner)
            return null;
        if (found.Value.ExpiresAt > time.GetUtcNow())
            return found;
        Remove(found);
        return null;
    }

    private void Add(StoredResponse response)
    {
        _byId[response.Id] = _byUse.AddLast(response);
        Bytes += SizeOf(response);
    }

    private void Use(LinkedListNode<StoredResponse> node)
    {
        _byUse.Remove(node);
        _byUse.AddLast(node);
    }

    private void Trim()
    {
        DateTimeOffset now = time.GetUtcNow();
        while (_byUse.First is { } oldest && (Bytes > mostBytes || oldest.Value.ExpiresAt <= now))
        {
            Dropped += oldest.Value.ExpiresAt > now ? 1 : 0;
            Remove(oldest);
        }
    }

    private void Remove(LinkedListNode<StoredResponse> node)
    {
        _byId.Remove(node.Value.Id);
        _byUse.Remove(node);
        Bytes -= SizeOf(node.Value);
    }

    private static long SizeOf(StoredResponse response) => Overhead + response.Input.Length + response.Body.Length;
}
