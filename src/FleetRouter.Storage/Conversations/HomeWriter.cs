using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace FleetRouter.Storage.Conversations;

/// <summary>Session homes: what is not written yet, and the writing of it. Of each session only the last home waits.</summary>
internal sealed partial class HomeWriter : IAsyncDisposable
{
    private const int MostInBatch = 1_000;

    private readonly Database _database;
    private readonly StorageFigures _figures;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly Dictionary<SessionKey, PendingHome> _waiting = [];
    private readonly BackgroundWriter _writing;
    private bool _told;

    public HomeWriter(Database database, StorageFigures figures, ILogger log)
    {
        (_database, _figures, _log) = (database, figures, log);
        _writing = new BackgroundWriter(database, database.Options.HomeBatch, () => Count > 0, WriteAsync);
    }

    /// <summary>Homes that wait to be written.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>The home of a session, if it is not written yet.</summary>
    public string? Find(SessionKey session)
    {
        lock (_gate)
            return _waiting.TryGetValue(session, out PendingHome home) ? home.Instance : null;
    }

    /// <summary>Has a home written. One more than the bound takes the place of any other.</summary>
    public void Add(SessionKey session, string instance)
    {
        bool first = false;
        lock (_gate)
        {
            if (_waiting.Count >= _database.Options.MostHomes && !_waiting.ContainsKey(session))
            {
                _waiting.Remove(_waiting.Keys.First());
                _figures.Lost(StorageFigures.Home, 1);
                (first, _told) = (!_told, true);
            }
            _waiting[session] = new PendingHome(instance, _database.Time.GetUtcNow());
        }
        _writing.Wake();
        if (first)
            LogOverflow(_database.Options.MostHomes);
    }

    private async Task<bool> WriteAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        KeyValuePair<SessionKey, PendingHome>[] batch;
        lock (_gate)
            batch = [.. _waiting.Take(MostInBatch)];
        try
        {
            await WriteAsync(connection, batch, cancellation);
            _figures.Written(StorageFigures.Home, batch.Length);
            _told = false;
        }
        catch (Exception trouble) when (Outage.IsRejection(trouble))
        {
            _figures.Lost(StorageFigures.Home, batch.Length);
            LogRejected(batch.Length, Outage.Reason(trouble));
        }
        Forget(batch);
        return batch.Length == MostInBatch;
    }

    private void Forget(KeyValuePair<SessionKey, PendingHome>[] written)
    {
        lock (_gate)
            foreach ((SessionKey session, PendingHome home) in written)
                if (_waiting.TryGetValue(session, out PendingHome now) && now == home)
                    _waiting.Remove(session);
    }

    private static async Task WriteAsync(NpgsqlConnection connection, KeyValuePair<SessionKey, PendingHome>[] homes, CancellationToken cancellation)
    {
        // In the order of the keys, so that gateways that write the same sessions wait for each other and do not block each other for good.
        Array.Sort(homes, (a, b) => a.Key.CompareTo(b.Key));
        // A row that says the same is touched once a minute, so that a long conversation leaves no trail of dead rows.
        await using var write = new NpgsqlCommand("""
            insert into fleetrouter.session_homes as h (pool, session, instance, settled_at) select * from unnest($1, $2, $3, $4)
            on conflict (pool, session) do update set instance = excluded.instance, settled_at = excluded.settled_at
            where excluded.settled_at > h.settled_at and (excluded.instance <> h.instance or excluded.settled_at > h.settled_at + interval '1 minute')
            """, connection)
        {
            Parameters =
            {
                new() { Value = homes.Select(h => h.Key.Pool).ToArray() },
                new() { Value = homes.Select(h => h.Key.Digest()).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
                new() { Value = homes.Select(h => h.Value.Instance).ToArray() },
                new() { Value = homes.Select(h => h.Value.At).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz },
            },
        };
        await write.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>A written home.</summary>
    public static async Task<string?> ReadAsync(NpgsqlConnection connection, SessionKey session, CancellationToken cancellation)
    {
        await using var ask = new NpgsqlCommand("select instance from fleetrouter.session_homes where pool = $1 and session = $2", connection)
        {
            Parameters = { new() { Value = session.Pool }, new() { Value = session.Digest() } },
        };
        return (string?)await ask.ExecuteScalarAsync(cancellation);
    }

    /// <summary>Removes some of the homes that are older than <paramref name="before"/>.</summary>
    public static async Task<int> SweepAsync(NpgsqlConnection connection, DateTimeOffset before, int most, CancellationToken cancellation)
    {
        await using var sweep = new NpgsqlCommand("""
            delete from fleetrouter.session_homes where (pool, session) in
                (select pool, session from fleetrouter.session_homes where settled_at <= $1 order by settled_at limit $2 for update skip locked)
            """, connection)
        {
            Parameters = { new() { Value = before }, new() { Value = most } },
        };
        return await sweep.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>Writes what waits, within the options' bound.</summary>
    public async ValueTask DisposeAsync()
    {
        await _writing.DisposeAsync();
        _figures.Lost(StorageFigures.Home, Count);
    }

    [LoggerMessage(38, LogLevel.Warning, "{Most} session homes wait for the database: others go, and those sessions' next turns elsewhere may find no cache")]
    private partial void LogOverflow(int most);

    [LoggerMessage(39, LogLevel.Error, "The database does not take {Count} session homes: {Trouble}; they go")]
    private partial void LogRejected(int count, string trouble);

    /// <summary>A session's home, and when it became that.</summary>
    private readonly record struct PendingHome(string Instance, DateTimeOffset At);
}

/// <summary>A session of a pool, by a digest: clients make ids as long as they like.</summary>
/// <param name="Pool">The pool.</param>
/// <param name="High">The digest's first half.</param>
/// <param name="Low">Its second.</param>
internal readonly record struct SessionKey(string Pool, UInt128 High, UInt128 Low) : IComparable<SessionKey>
{
    public static SessionKey Of(string pool, string session)
    {
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(session));
        return new SessionKey(pool, Half(digest.AsSpan(0, 16)), Half(digest.AsSpan(16, 16)));
    }

    /// <summary>SHA-256 of the session's id.</summary>
    public byte[] Digest()
    {
        byte[] digest = new byte[32];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(digest, High);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(digest.AsSpan(16), Low);
        return digest;
    }

    public int CompareTo(SessionKey other) => string.CompareOrdinal(Pool, other.Pool) is var pool and not 0 ? pool
        : High.CompareTo(other.High) is var high and not 0 ? high : Low.CompareTo(other.Low);

    private static UInt128 Half(ReadOnlySpan<byte> bytes) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
}
