using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Where sessions are at home, as several gateways tell each other. A pool knows the homes of the sessions it served itself.</summary>
internal sealed class SharedHomes(IConversations conversations, TimeProvider time)
{
    /// <summary>Longest wait for a home: some round trips to a database near by, and less than a prompt's prefill that a home would spare.</summary>
    private static readonly TimeSpan Budget = TimeSpan.FromMilliseconds(5);

    /// <summary>The instance a session's last turn ran on; null if that is not known in time.</summary>
    public ValueTask<string?> FindAsync(string pool, string? session, CancellationToken gone) =>
        session is null || !conversations.IsShared ? new((string?)null) : AskAsync(pool, session, gone);

    /// <summary>A session's turn ran on an instance.</summary>
    public void Settled(string pool, string? session, string instance)
    {
        if (session is not null && conversations.IsShared)
            conversations.Settled(pool, session, instance);
    }

    private async ValueTask<string?> AskAsync(string pool, string session, CancellationToken gone)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(gone);
        try
        {
            ValueTask<string?> asked = conversations.HomeAsync(pool, session, late.Token);
            if (asked.IsCompletedSuccessfully)
                return asked.Result;
            // Not by the token alone: who is asked over a network may be slow to give up too.
            return await asked.AsTask().WaitAsync(Budget, time, gone);
        }
        catch (Exception e) when (e is TimeoutException or ConversationsUnavailableException || e is OperationCanceledException && !gone.IsCancellationRequested)
        {
            return null;
        }
        finally
        {
            await late.CancelAsync();
        }
    }
}
