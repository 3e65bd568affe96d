using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;
using FleetRouter.Orleans.Wire;
using Orleans.Concurrency;
using Orleans.Placement;

namespace FleetRouter.Orleans.Sessions;

/// <summary>A conversation at work: its turns in memory in front of what keeps them. Nobody else of the cluster reads, writes or deletes them as long as it
/// answers, so what it holds is as good as what is written, and what it does not hold is read.</summary>
/// <remarks>
/// Reentrant, so that no reader waits for a write. What a call does before its first wait happens at once, in memory and in the order of what is to be
/// written: that is the order of turns and deletions.
/// A turn whose id names another conversation (one that a build before this made) is read each time: its deletion is not told here.
/// Placed where a conversation is first asked for, which is where a client that stays with its gateway asks again.
/// </remarks>
[Reentrant, PreferLocalPlacement, CollectionAgeLimit(Minutes = 10)]
internal sealed class SessionGrain(LocalConversations local) : Grain, ISessionGrain
{
    private readonly HashSet<string> _held = new(StringComparer.Ordinal), _deleted = new(StringComparer.Ordinal);

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellation)
    {
        local.Memory.Forget(_held);
        return Task.CompletedTask;
    }

    public Task KeepAsync(TurnOnWire turn)
    {
        if (_deleted.Contains(turn.Id))
            return Task.CompletedTask;   // its client has gone on without this call, to the point of deleting it
        StoredResponse response = turn.ToResponse();
        Hold([response]);
        return local.Kept.SaveAsync(response, CancellationToken.None);
    }

    public Task<IReadOnlyList<TurnOnWire>?> FindAsync(string id, string owner) => ReadAsync(id, owner, withHistory: false);

    public Task<IReadOnlyList<TurnOnWire>?> HistoryAsync(string id, string owner) => ReadAsync(id, owner, withHistory: true);

    public async Task<bool?> DeleteAsync(string id, string owner)
    {
        bool wasHeld = await HeldAsync(id, owner) is not null;
        if (wasHeld)
            Bury(id);   // not shown again, even if the database does not take it now: who asks again still gets it deleted there
        try
        {
            bool wasKept = await local.Kept.DeleteAsync(id, owner, CancellationToken.None);
            if (wasKept)
                Bury(id);
            return wasKept || wasHeld;
        }
        catch (ConversationsUnavailableException)
        {
            return null;
        }
    }

    private async Task<IReadOnlyList<TurnOnWire>?> ReadAsync(string id, string owner, bool withHistory)
    {
        var turns = new List<StoredResponse>();   // the last first
        for (string? next = id; next is not null && (withHistory || turns.Count == 0); next = turns[^1].PreviousId)
        {
            if (_deleted.Contains(next))
                return [];
            if (await HeldAsync(next, owner) is { } held)
            {
                turns.Add(held);
                continue;
            }
            if (await ReadKeptAsync(next, owner, withHistory) is not { } kept)
                return null;
            if (kept.Count == 0 || kept.Any(turn => _deleted.Contains(turn.Id)))
            {
                if (_held.Count + _deleted.Count == 0)
                    DeactivateOnIdle();   // an id that somebody made up leaves nothing behind
                return [];
            }
            turns.AddRange(kept.Reverse());
            break;
        }
        return [.. turns.AsEnumerable().Reverse().Select(TurnOnWire.Of)];
    }

    private async Task<IReadOnlyList<StoredResponse>?> ReadKeptAsync(string id, string owner, bool withHistory)
    {
        try
        {
            IReadOnlyList<StoredResponse> kept = withHistory ? await local.Kept.HistoryAsync(id, owner, CancellationToken.None)
                : await local.Kept.FindAsync(id, owner, CancellationToken.None) is { } found ? [found] : [];
            Hold([.. kept.Where(turn => ResponseId.ConversationOf(turn.Id) == this.GetPrimaryKeyString() && !_deleted.Contains(turn.Id))]);
            return kept;
        }
        catch (ConversationsUnavailableException)
        {
            return null;
        }
    }

    private Task<StoredResponse?> HeldAsync(string id, string owner) =>
        _held.Contains(id) ? local.Memory.FindAsync(id, owner, CancellationToken.None) : Task.FromResult<StoredResponse?>(null);

    private void Hold(IReadOnlyList<StoredResponse> turns)
    {
        foreach (StoredResponse turn in turns)
            _held.Add(turn.Id);
        local.Memory.Remember(turns);
    }

    private void Bury(string id)
    {
        _deleted.Add(id);
        _held.Remove(id);
        local.Memory.Forget([id]);
    }
}
