using System.Diagnostics.Metrics;
using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Sessions;

/// <summary>Conversations as the cluster's actors have them. Who does not answer in time, or cannot tell, is passed over: this gateway then reads and writes
/// what keeps them itself, as a gateway without a cluster does.</summary>
internal sealed class ClusterConversations : IConversations
{
    /// <summary>How often an actor is told, a second and at most one call's time apart: longer than a silo that hangs stays a member.</summary>
    private const int Insistence = 12;

    private readonly IGrainFactory _grains;
    private readonly IConversations _direct;
    private readonly ClusterOptions _options;
    private readonly TimeProvider _time;
    private readonly Counter<long> _passedOver;

    public ClusterConversations(IGrainFactory grains, LocalConversations local, ClusterOptions options, Meter meter, TimeProvider time)
    {
        (_grains, _direct, _options, _time) = (grains, local.Kept, options, time);
        _passedOver = meter.CreateCounter<long>("fleetrouter_session_fallbacks", description: "Calls about conversations that this gateway made of the database itself, since their actor did not answer in time.");
    }

    /// <inheritdoc />
    public async Task SaveAsync(StoredResponse response, CancellationToken cancellation)
    {
        Task keeping = KeepAsync(response);
        await keeping.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!cancellation.IsCancellationRequested)
            await keeping;
    }

    /// <inheritdoc />
    public Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation) =>
        ReadAsync(id, session => session.FindAsync(id, owner), turns => turns.FirstOrDefault(), () => _direct.FindAsync(id, owner, cancellation), cancellation);

    /// <inheritdoc />
    public Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation) =>
        ReadAsync<IReadOnlyList<StoredResponse>>(id, session => session.HistoryAsync(id, owner), turns => [.. turns], () => _direct.HistoryAsync(id, owner, cancellation), cancellation);

    /// <inheritdoc />
    public async Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation)
    {
        Task<bool?>? asked = null;
        if (await AskAsync(id, "delete", _options.DeleteBudget, session => asked = session.DeleteAsync(id, owner), cancellation) is { } wasThere)
            return wasThere;
        bool isDeleted = await _direct.DeleteAsync(id, owner, cancellation);
        if (asked is not null && !asked.IsCompletedSuccessfully)
            _ = InsistAsync(id, owner);
        return isDeleted || asked is { IsCompletedSuccessfully: true, Result: true };   // what a slow actor deleted is not there a second time
    }

    /// <inheritdoc />
    public ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation) => _direct.HomeAsync(pool, session, cancellation);

    /// <inheritdoc />
    public void Settled(string pool, string session, string instance) => _direct.Settled(pool, session, instance);

    private async Task<T> ReadAsync<T>(
        string id, Func<ISessionGrain, Task<IReadOnlyList<TurnOnWire>?>> ask, Func<IEnumerable<StoredResponse>, T> found, Func<Task<T>> direct, CancellationToken gone)
    {
        Task<IReadOnlyList<TurnOnWire>?>? asked = null;
        if (await AskAsync(id, "read", _options.ReadBudget, session => asked = ask(session), gone) is { } told)
            return Found(told);
        try
        {
            return await direct();
        }
        catch (ConversationsUnavailableException) when (asked is not null)
        {
            // Nobody else can tell: a late answer is better than none.
            await ((Task)asked).WaitAsync(_options.ReadPatience, _time, gone).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (asked.IsCompletedSuccessfully && asked.Result is { } late)
                return Found(late);
            throw;
        }

        T Found(IEnumerable<TurnOnWire> turns) => found(turns.Select(turn => turn.ToResponse()));
    }

    private async Task KeepAsync(StoredResponse response)
    {
        if (!await AskAsync(response.Id, "keep", _options.KeepBudget, KeepAtAsync, CancellationToken.None))
            await _direct.SaveAsync(response, CancellationToken.None);

        async Task<bool> KeepAtAsync(ISessionGrain session)
        {
            await session.KeepAsync(TurnOnWire.Of(response));
            return true;
        }
    }

    /// <summary>Tells an actor of a deletion that was made without it, until it has heard or must be gone: it may hold the turn, and go on.</summary>
    private async Task InsistAsync(string id, string owner)
    {
        for (int i = 0; i < Insistence; i++)
        {
            Task<bool?> told = _grains.GetGrain<ISessionGrain>(ResponseId.ConversationOf(id)!).DeleteAsync(id, owner);
            await ((Task)told).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (told.IsCompletedSuccessfully)
                return;
            await Task.Delay(_options.DeleteBudget, _time);
        }
    }

    /// <summary>Asks the actor of the conversation that an id names; nothing, where it names none or the actor does not answer in time.</summary>
    private async Task<T?> AskAsync<T>(string id, string call, TimeSpan budget, Func<ISessionGrain, Task<T>> ask, CancellationToken gone)
    {
        if (ResponseId.ConversationOf(id) is not { } conversation)
            return default;
        try
        {
            Task<T> asked = ask(_grains.GetGrain<ISessionGrain>(conversation));
            asked.Ignore();   // it may fail long after nobody waits for it
            return await asked.WaitAsync(budget, _time, gone);
        }
        catch (Exception) when (!gone.IsCancellationRequested)
        {
            _passedOver.Add(1, new KeyValuePair<string, object?>("call", call));
            return default;
        }
    }
}
