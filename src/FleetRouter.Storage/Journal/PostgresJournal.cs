using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using Npgsql;

namespace FleetRouter.Storage.Journal;

/// <summary>One pool's journal in the database, in the lines of a journal's file. Events that find the queue full are counted and leave a gap.</summary>
internal sealed class PostgresJournal : IJournal
{
    /// <summary>Events that wait to be written: some seconds of a busy gateway, and a bound on memory while the database is away.</summary>
    internal const int MaxWaiting = 32_768;

    /// <summary>Bytes of one row. Rows are what is compressed and what expires.</summary>
    private const int MostPieceBytes = 1 << 20;

    /// <summary>Time an event may wait for company; a crash loses no more than this.</summary>
    private static readonly TimeSpan Company = TimeSpan.FromMilliseconds(250);

    private readonly Channel<Entry> _waiting = Channel.CreateBounded<Entry>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private readonly ArrayBufferWriter<byte> _piece = new(64 * 1024);
    private readonly Utf8JsonWriter _json;
    private readonly Database _database;
    private readonly StorageFigures _figures;
    private readonly JournalHeader _header;
    private readonly byte[] _headerLine;
    private readonly BackgroundWriter _writing;
    private long _lines, _linesInPiece, _eventsInPiece;
    private long _lostInARow;   // only the mailbox's, until that has ended
    private long _events, _lost;
    private long _gapAtEnd;
    private Task? _closing;

    /// <param name="database">Where to.</param>
    /// <param name="options">What the pool is told at its start.</param>
    /// <param name="clock">The clock the pool's events are stamped with.</param>
    /// <param name="figures">Where what is written and lost is counted.</param>
    public PostgresJournal(Database database, PoolOptions options, HostClock clock, StorageFigures figures)
    {
        (_database, _figures) = (database, figures);
        string run = string.Create(CultureInfo.InvariantCulture, $"{clock.Date(clock.Now):yyyyMMdd'T'HHmmss}-{Random.Shared.Next():x8}");
        _header = new JournalHeader(JournalHeader.Current, run, 0, 0, clock.Date(TimeSpan.Zero), options);
        _headerLine = JsonSerializer.SerializeToUtf8Bytes(_header, JournalJson.Options);
        _json = new Utf8JsonWriter(_piece, new JsonWriterOptions { Encoder = JournalJson.Options.Encoder, SkipValidation = true });
        _writing = new BackgroundWriter(database, Company, () => _linesInPiece > 0 || Volatile.Read(ref _gapAtEnd) > 0 || _waiting.Reader.TryPeek(out _), WriteAsync);
    }

    /// <inheritdoc/>
    public long Events => Volatile.Read(ref _events);

    /// <inheritdoc/>
    public long Lost => Volatile.Read(ref _lost);

    /// <inheritdoc/>
    public void Add(PoolEvent happened, List<PoolEffect> effects)
    {
        if (_waiting.Writer.TryWrite(new Entry(happened, [.. effects.Where(DecisionDigest.IsDecision)], _lostInARow)))
            _lostInARow = 0;
        else
        {
            _lostInARow++;
            Interlocked.Increment(ref _lost);
            _figures.Lost(StorageFigures.JournalEvent, 1);
        }
        _writing.Wake();
    }

    /// <summary>Writes one row. What it holds stays here until it is written; written twice it is there once.</summary>
    private async Task<bool> WriteAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        while (_piece.WrittenCount < MostPieceBytes && _waiting.Reader.TryRead(out Entry entry))
        {
            if (entry.LostBefore > 0)
                Append(new JournalLine(null, entry.LostBefore, null, null));
            Append(new JournalLine(null, null, entry.Happened, entry.Decisions.Length == 0 ? null : entry.Decisions));
            _eventsInPiece++;
        }
        if (!_waiting.Reader.TryPeek(out _) && Interlocked.Exchange(ref _gapAtEnd, 0) is > 0 and long gap)
            Append(new JournalLine(null, gap, null, null));
        await using var batch = new NpgsqlBatch(connection);
        // Every time: a run so quiet that all it had was forgotten was forgotten too.
        batch.BatchCommands.Add(new("insert into fleetrouter.journal_runs (run, pool, began_at, header) values ($1, $2, $3, $4) on conflict do nothing")
        {
            Parameters =
            {
                new() { Value = _header.Run }, new() { Value = _header.Options.Name }, new() { Value = _header.Epoch.ToUniversalTime() }, new() { Value = _headerLine },
            },
        });
        batch.BatchCommands.Add(new("insert into fleetrouter.journal_pieces (run, first_line, written_at, lines) values ($1, $2, $3, $4) on conflict do nothing")
        {
            Parameters =
            {
                new() { Value = _header.Run }, new() { Value = _lines }, new() { Value = _database.Time.GetUtcNow() }, new() { Value = _piece.WrittenMemory },
            },
        });
        await batch.ExecuteNonQueryAsync(cancellation);
        _figures.Written(StorageFigures.JournalEvent, _eventsInPiece);
        Interlocked.Add(ref _events, _eventsInPiece);
        _lines += _linesInPiece;
        (_linesInPiece, _eventsInPiece) = (0, 0);
        bool full = _piece.WrittenCount >= MostPieceBytes;
        _piece.ResetWrittenCount();
        return full;
    }

    private void Append(JournalLine line)
    {
        _json.Reset();
        JsonSerializer.Serialize(_json, line, JournalJson.Options);
        _json.Flush();
        _piece.Write("\n"u8);
        _linesInPiece++;
    }

    /// <summary>Writes what waits, within the database options' bound; what is left then is lost and counted.</summary>
    public ValueTask DisposeAsync() => new(_closing ??= CloseAsync());

    private async Task CloseAsync()
    {
        _waiting.Writer.TryComplete();
        Volatile.Write(ref _gapAtEnd, _lostInARow);
        _writing.Wake();
        await _writing.DisposeAsync();
        long left = _eventsInPiece;
        while (_waiting.Reader.TryRead(out _))
            left++;
        Interlocked.Add(ref _lost, left);
        _figures.Lost(StorageFigures.JournalEvent, left);
        await _json.DisposeAsync();
    }

    private readonly record struct Entry(PoolEvent Happened, PoolEffect[] Decisions, long LostBefore);
}
