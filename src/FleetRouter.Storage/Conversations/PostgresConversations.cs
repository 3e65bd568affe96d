using System.Diagnostics.Metrics;
using FleetRouter.Hosting.Ports;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Storage.Conversations;

/// <summary>Conversations in PostgreSQL, shared by all gateways that use the database.</summary>
/// <remarks>Every write goes through a buffer of bounded size that one task empties in order; who saves waits for it, but not long. What is in the
/// buffer is found by this process as if it were written, so that a client whose next turn comes back here notices nothing of a database that is away.</remarks>
public sealed class PostgresConversations : IConversations, IAsyncDisposable
{
    private const int LongestId = 256;

    /// <summary>Look-ups of homes under way at most. A database so slow that more would pile up is not asked.</summary>
    private const int MostHomeQuestions = 32;

    private readonly Database _database;
    private readonly ResponseBuffer _buffer;
    private readonly ResponseWriter _writer;
    private readonly HomeWriter _homes;
    private readonly ExpirySweep _sweep;
    private int _homeQuestions;
    private Task? _closing;

    /// <param name="database">Where they are kept.</param>
    /// <param name="meter">Where gauges go.</param>
    /// <param name="figures">Where what is written and lost is counted.</param>
    /// <param name="logs">Where losses are named, by id and never by content.</param>
    public PostgresConversations(Database database, Meter meter, StorageFigures figures, ILoggerFactory logs)
    {
        ILogger log = logs.CreateLogger<PostgresConversations>();
        _database = database;
        _buffer = new ResponseBuffer(database.Options.BufferBytes);
        _writer = new ResponseWriter(database, _buffer, figures, log);
        _homes = new HomeWriter(database, figures, log);
        _sweep = new ExpirySweep(database,
            (connection, most, cancellation) => ResponseTable.SweepAsync(connection, Now, most, cancellation),
            (connection, most, cancellation) => HomeWriter.SweepAsync(connection, Now - database.Options.HomeAge, most, cancellation));
        meter.CreateObservableGauge("fleetrouter_database_up", () => database.IsUp ? 1 : 0, description: "1 if the database answered last.");
        meter.CreateObservableGauge("fleetrouter_database_buffered_bytes", () => _buffer.Bytes, description: "Bytes of answers that wait to be written.");
        meter.CreateObservableGauge("fleetrouter_database_buffered", () => new Measurement<int>[]
        {
            new(_buffer.Count, new KeyValuePair<string, object?>("kind", StorageFigures.Response)), new(_homes.Count, new KeyValuePair<string, object?>("kind", StorageFigures.Home)),
        }, description: "Writes that wait, by kind.");
    }

    private DateTimeOffset Now => _database.Time.GetUtcNow();

    /// <inheritdoc/>
    public async Task SaveAsync(StoredResponse response, CancellationToken cancellation)
    {
        var write = new PendingWrite(response.Id, response.Owner, response);
        _writer.Add(write);
        if (_database.IsUp)
            await ((Task)write.Done.Task).WaitAsync(_database.Options.SaveWait, _database.Time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation)
    {
        if (!IsId(id))
            return null;
        if (_buffer.TryFind(id, out PendingWrite? pending))
            return pending.SeenBy(owner, Now);
        return await _database.ReadAsync((connection, stop) => ResponseTable.FindAsync(connection, id, owner, Now, stop), cancellation);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation)
    {
        var turns = new List<StoredResponse>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (string? next = id; next is not null; next = turns[^1].PreviousId)
        {
            if (!IsId(next) || !seen.Add(next))
                return [];
            IReadOnlyList<StoredResponse> found = _buffer.TryFind(next, out PendingWrite? pending)
                ? pending.SeenBy(owner, Now) is { } unwritten ? [unwritten] : []
                : await _database.ReadAsync((connection, stop) => ResponseTable.ChainAsync(connection, next, owner, Now, stop), cancellation);
            if (found.Count == 0)
                return [];
            foreach (StoredResponse turn in found)
            {
                if (turn.Id != next && (_buffer.TryFind(turn.Id, out _) || !seen.Add(turn.Id)))
                    break;   // what waits to be written stands in its place
                turns.Add(turn);
            }
        }
        turns.Reverse();
        return turns;
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation)
    {
        if (!IsId(id))
            return false;
        bool waits = false;
        if (_buffer.TryFind(id, out PendingWrite? pending))
        {
            if (pending.SeenBy(owner, Now) is null)
                return false;
            waits = true;
        }
        else if (!_database.IsUp)
            throw _database.Unavailable();
        var deletion = new PendingWrite(id, owner, null);
        _writer.Add(deletion);
        if (waits && !_database.IsUp)
            return true;
        await ((Task)deletion.Done.Task).WaitAsync(_database.Options.ReadWait, _database.Time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
        return deletion.Done.Task.IsCompleted ? waits || deletion.Done.Task.Result > 0
            : waits ? true : throw _database.Unavailable();
    }

    /// <inheritdoc/>
    public async ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation)
    {
        var key = SessionKey.Of(pool, session);
        if (_homes.Find(key) is { } unwritten)
            return unwritten;
        if (!_database.IsUp)
            return null;
        if (Interlocked.Increment(ref _homeQuestions) > MostHomeQuestions)
        {
            Interlocked.Decrement(ref _homeQuestions);
            return null;
        }
        Task<string?> asked = AskHomeAsync(key);
        await ((Task)asked).WaitAsync(_database.Options.HomeWait, _database.Time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
        return asked.IsCompletedSuccessfully ? asked.Result : null;
    }

    /// <inheritdoc/>
    public void Settled(string pool, string session, string instance) => _homes.Add(SessionKey.Of(pool, session), instance);

    /// <summary>Removes what has expired by now.</summary>
    internal Task SweepAsync() => _sweep.SweepAsync(CancellationToken.None);

    /// <summary>Writes what waits, within a bound. The database is to be closed after this.</summary>
    public ValueTask DisposeAsync() => new(_closing ??= CloseAsync());

    private async Task CloseAsync()
    {
        await _sweep.DisposeAsync();
        await Task.WhenAll(_writer.DisposeAsync().AsTask(), _homes.DisposeAsync().AsTask());
    }

    /// <summary>Runs on when who asked has gone on: a question cut short costs a connection.</summary>
    private async Task<string?> AskHomeAsync(SessionKey session)
    {
        try
        {
            return await _database.ReadAsync((connection, stop) => HomeWriter.ReadAsync(connection, session, stop), CancellationToken.None);
        }
        catch (ConversationsUnavailableException)
        {
            return null;
        }
        finally
        {
            Interlocked.Decrement(ref _homeQuestions);
        }
    }

    /// <summary>Whether it can be an id at all: what clients make up may be anything.</summary>
    private static bool IsId(string text) => text.Length is > 0 and <= LongestId && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
}
