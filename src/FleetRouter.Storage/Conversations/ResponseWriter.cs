using Microsoft.Extensions.Logging;
using Npgsql;

namespace FleetRouter.Storage.Conversations;

/// <summary>Writes what is in the buffer, oldest first, many at a time. What the database never will take goes, and is counted and named.</summary>
internal sealed partial class ResponseWriter : IAsyncDisposable
{
    private const int MostWrites = 128;
    private const long MostBatchBytes = 4 << 20;

    private readonly Database _database;
    private readonly ResponseBuffer _buffer;
    private readonly StorageFigures _figures;
    private readonly ILogger _log;
    private readonly BackgroundWriter _writing;
    private readonly Lock _overflow = new();
    private (string First, string Last, long Count) _dropped;
    private int _most = MostWrites;

    public ResponseWriter(Database database, ResponseBuffer buffer, StorageFigures figures, ILogger log)
    {
        (_database, _buffer, _figures, _log) = (database, buffer, figures, log);
        _writing = new BackgroundWriter(database, TimeSpan.Zero, () => buffer.Count > 0, WriteAsync);
    }

    /// <summary>Has a write made, in its turn.</summary>
    public void Add(PendingWrite write)
    {
        foreach (PendingWrite gone in _buffer.Add(write))
            Dropped(gone);
        _writing.Wake();
    }

    private async Task<bool> WriteAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        TellDropped();
        List<PendingWrite> batch = _buffer.Take(_most, MostBatchBytes);
        try
        {
            int[] rows = await ResponseTable.WriteAsync(connection, batch, _database.Time.GetUtcNow(), cancellation);
            _buffer.Remove(batch);
            _figures.Written(StorageFigures.Response, batch.Count);
            for (int i = 0; i < batch.Count; i++)
                batch[i].Done.TrySetResult(rows[i]);
            _most = MostWrites;
            return true;
        }
        catch (Exception trouble) when (Outage.IsRejection(trouble))
        {
            if (batch.Count > 1)
            {
                _buffer.Return(batch);
                _most = 1;   // finds the one to blame
                return true;
            }
            _buffer.Remove(batch);
            _figures.Lost(StorageFigures.Response, 1);
            LogRejected(batch[0].Id, Outage.Reason(trouble));
            batch[0].Done.TrySetResult(0);
            return true;
        }
        catch
        {
            _buffer.Return(batch);
            throw;
        }
    }

    private void Dropped(PendingWrite gone)
    {
        _figures.Lost(StorageFigures.Response, 1);
        bool first;
        lock (_overflow)
        {
            first = _dropped.Count == 0;
            _dropped = (first ? gone.Id : _dropped.First, gone.Id, _dropped.Count + 1);
        }
        if (first)
            LogOverflow(_database.Options.BufferBytes, gone.Id);
    }

    private void TellDropped()
    {
        (string First, string Last, long Count) dropped;
        lock (_overflow)
            (dropped, _dropped) = (_dropped, default);
        if (dropped.Count > 0)
            LogDropped(dropped.Count, dropped.First, dropped.Last);
    }

    /// <summary>Writes what waits, within the options' bound; what is left then is lost, counted and named.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writing.DisposeAsync();
        List<PendingWrite> left = _buffer.Take(int.MaxValue, long.MaxValue);
        TellDropped();
        if (left.Count > 0)
        {
            _figures.Lost(StorageFigures.Response, left.Count);
            LogLeft(left.Count, left[0].Id, left[^1].Id);
        }
    }

    [LoggerMessage(34, LogLevel.Error, "The buffer in front of the database is full ({Bytes} bytes, option database.buffer): the oldest answers go, {Id} first")]
    private partial void LogOverflow(long bytes, string id);

    [LoggerMessage(35, LogLevel.Error, "{Count} answers went from the full buffer in front of the database, {First} to {Last}: they can no longer be retrieved or gone on from")]
    private partial void LogDropped(long count, string first, string last);

    [LoggerMessage(36, LogLevel.Error, "The database does not take the answer {Id}: {Trouble}; it goes")]
    private partial void LogRejected(string id, string trouble);

    [LoggerMessage(37, LogLevel.Error, "The gateway stops with {Count} answers unwritten, {First} to {Last}: they are lost")]
    private partial void LogLeft(int count, string first, string last);
}
