using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Responses;

/// <summary>One turn of a conversation that the router keeps for its client: a call of <c>/v1/responses</c>.</summary>
internal sealed class ResponseTurn(IConversations conversations, TimeSpan keepFor, TimeProvider time)
{
    /// <summary>The router's own id of the answer, which the client gets in place of the engine's.</summary>
    public required string Id { get; init; }

    /// <summary>The turn it goes on from, as the client named it.</summary>
    public string? PreviousId { get; init; }

    /// <summary>The id of the conversation's first turn, by which it is known as a session.</summary>
    public required string Conversation { get; init; }

    /// <summary>Whose it is.</summary>
    public required string Owner { get; init; }

    /// <summary>Whether the client wants the answer kept.</summary>
    public required bool IsKept { get; init; }

    /// <summary>The turn's own input items, a JSON array.</summary>
    public ReadOnlyMemory<byte> Input { get; init; }

    /// <summary>Keeps the answer, if it is to be kept.</summary>
    /// <param name="body">The answer as its client is about to get it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task KeepAsync(ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        if (!IsKept)
            return Task.CompletedTask;
        DateTimeOffset now = time.GetUtcNow();
        return conversations.SaveAsync(new StoredResponse(Id, PreviousId, Owner, now, now + keepFor, Input, body), cancellation);
    }
}
