using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting.Conversations;

/// <summary>Shared conversations, of which this gateway remembers those it saw of late: while what keeps them is out of reach, a conversation
/// that stays with its gateway goes on.</summary>
/// <remarks>What is remembered is asked only then: as long as the others can be reached, what another gateway deleted is gone here too.</remarks>
/// <param name="shared">What keeps them.</param>
/// <param name="recent">What is remembered.</param>
public sealed class RememberedConversations(IConversations shared, MemoryConversations recent) : IConversations
{
    /// <inheritdoc/>
    public bool IsShared => shared.IsShared;

    /// <inheritdoc/>
    public async Task SaveAsync(StoredResponse response, CancellationToken cancellation)
    {
        await recent.SaveAsync(response, cancellation);
        await shared.SaveAsync(response, cancellation);
    }

    /// <inheritdoc/>
    public async Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation)
    {
        try
        {
            return await shared.FindAsync(id, owner, cancellation);
        }
        catch (ConversationsUnavailableException)
        {
            if (await recent.FindAsync(id, owner, cancellation) is { } found)
                return found;
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation)
    {
        try
        {
            IReadOnlyList<StoredResponse> turns = await shared.HistoryAsync(id, owner, cancellation);
            recent.Remember(turns);
            return turns;
        }
        catch (ConversationsUnavailableException)
        {
            if (await recent.HistoryAsync(id, owner, cancellation) is { Count: > 0 } turns)
                return turns;
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation)
    {
        bool isDeleted = await shared.DeleteAsync(id, owner, cancellation);
        await recent.DeleteAsync(id, owner, cancellation);   // whether it was there says nothing: another gateway may have deleted it
        return isDeleted;
    }

    /// <inheritdoc/>
    public ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation) => shared.HomeAsync(pool, session, cancellation);

    /// <inheritdoc/>
    public void Settled(string pool, string session, string instance) => shared.Settled(pool, session, instance);
}
