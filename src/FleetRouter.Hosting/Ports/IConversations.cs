namespace FleetRouter.Hosting.Ports;

/// <summary>What lasts of conversations: the answers that the router keeps for their clients, and where sessions are at home. In memory, or in
/// PostgreSQL where several gateways share them.</summary>
/// <remarks>What one process saves and deletes takes effect in the order of the calls; none of these need be waited for before the next.</remarks>
public interface IConversations
{
    /// <summary>Whether other gateways keep theirs here too. Where not, <see cref="HomeAsync"/> knows nothing that the pool does not know itself,
    /// and is not asked.</summary>
    bool IsShared => true;

    /// <summary>Keeps an answer. When this returns it outlasts the process, or, where what should keep it is out of reach, is remembered here until
    /// it can be written.</summary>
    /// <param name="response">The answer; one of the same id is replaced.</param>
    /// <param name="cancellation">Ends the wait, not the keeping.</param>
    Task SaveAsync(StoredResponse response, CancellationToken cancellation);

    /// <summary>A kept answer.</summary>
    /// <returns>Null if there is none of that id, or it has expired, was deleted, or is another owner's: the four are not told apart.</returns>
    /// <exception cref="ConversationsUnavailableException">What keeps them cannot be read now.</exception>
    Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation);

    /// <summary>An answer with all the turns before it.</summary>
    /// <returns>From the first turn to the one of that id; empty if there is none, or one before it is gone.</returns>
    /// <exception cref="ConversationsUnavailableException">What keeps them cannot be read now.</exception>
    Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation);

    /// <summary>Deletes an answer.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="ConversationsUnavailableException">What keeps them cannot be written now.</exception>
    Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation);

    /// <summary>The instance that a session's last turn ran on; null if that is not known, or not in good time: it is worth no wait.</summary>
    ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation);

    /// <summary>A session's turn ran on an instance. Written in the background.</summary>
    void Settled(string pool, string session, string instance);
}

/// <summary>One answer of <c>/v1/responses</c> as it is kept.</summary>
/// <param name="Id">Its id, the router's own.</param>
/// <param name="PreviousId">The turn it goes on from; null for a first one.</param>
/// <param name="Owner">Whose it is: a digest of the API key, or empty where the gateway asks for none.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="ExpiresAt">From when on it is gone.</param>
/// <param name="Input">The turn's own input items, a JSON array; without those of the turns before.</param>
/// <param name="Body">The answer as its client got it, a JSON object.</param>
public sealed record StoredResponse(
    string Id, string? PreviousId, string Owner, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, ReadOnlyMemory<byte> Input, ReadOnlyMemory<byte> Body);

/// <summary>What keeps conversations is out of reach, with the reason in one line.</summary>
public sealed class ConversationsUnavailableException(string reason, Exception? inner = null) : Exception(reason, inner);
