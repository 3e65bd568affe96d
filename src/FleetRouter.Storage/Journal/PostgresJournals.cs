using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Journal;
using Npgsql;

namespace FleetRouter.Storage.Journal;

/// <summary>The journals of all gateways on a database: begins them, forgets what is too old, and gives them back as files.</summary>
public sealed class PostgresJournals : IAsyncDisposable
{
    private const string Pieces = """
        delete from fleetrouter.journal_pieces where (run, first_line) in
            (select run, first_line from fleetrouter.journal_pieces where written_at <= $1 order by written_at limit $2 for update skip locked)
        """;

    private const string Runs = """
        delete from fleetrouter.journal_runs where run in
            (select run from fleetrouter.journal_runs r where began_at <= $1 and not exists (select from fleetrouter.journal_pieces p where p.run = r.run) limit $2 for update skip locked)
        """;

    private readonly Database _database;
    private readonly StorageFigures _figures;
    private readonly ExpirySweep _sweep;

    /// <param name="database">Where they are.</param>
    /// <param name="figures">Where what is written and lost is counted.</param>
    /// <param name="keep">Age from which on lines go.</param>
    public PostgresJournals(Database database, StorageFigures figures, TimeSpan keep)
    {
        (_database, _figures) = (database, figures);
        _sweep = new ExpirySweep(database,
            (connection, most, cancellation) => SweepAsync(connection, Pieces, database.Time.GetUtcNow() - keep, most, cancellation),
            (connection, most, cancellation) => SweepAsync(connection, Runs, database.Time.GetUtcNow() - keep, most, cancellation));
    }

    /// <summary>Begins the journal of a pool that begins.</summary>
    public IJournal Begin(PoolOptions options, HostClock clock) => new PostgresJournal(_database, options, clock, _figures);

    /// <summary>Writes every run as a file that <see cref="JournalReader"/> reads, into an empty folder.</summary>
    /// <returns>How many there are.</returns>
    /// <exception cref="DatabaseException">The database cannot be read.</exception>
    public static async Task<int> ExportAsync(DatabaseAddress address, string folder, CancellationToken cancellation)
    {
        try
        {
            await using var source = NpgsqlDataSource.Create(address.Single());
            await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellation);
            await using var ask = new NpgsqlCommand("""
                select r.pool || ' ' || r.run, r.header, p.first_line, p.lines
                from fleetrouter.journal_runs r join fleetrouter.journal_pieces p on p.run = r.run order by r.began_at, r.run, p.first_line
                """, connection) { CommandTimeout = 0 };
            await using NpgsqlDataReader rows = await ask.ExecuteReaderAsync(cancellation);
            var files = new HashSet<string>(StringComparer.Ordinal);
            while (await rows.ReadAsync(cancellation))
            {
                string path = JournalFiles.Current(folder, rows.GetString(0));
                bool first = files.Add(path);
                await using var file = new FileStream(path, first ? FileMode.CreateNew : FileMode.Append);
                if (first)
                    await file.WriteAsync(JournalLines.Header(rows.GetFieldValue<byte[]>(1), rows.GetInt64(2)), cancellation);
                await file.WriteAsync(rows.GetFieldValue<byte[]>(3), cancellation);
            }
            return files.Count;
        }
        catch (Exception trouble) when (trouble is NpgsqlException or TimeoutException)
        {
            throw new DatabaseException($"the journal in the database {address} cannot be read: {Outage.Reason(trouble)}", trouble);
        }
    }

    internal Task SweepAsync() => _sweep.SweepAsync(CancellationToken.None);

    private static async Task<int> SweepAsync(NpgsqlConnection connection, string sql, DateTimeOffset before, int most, CancellationToken cancellation)
    {
        await using var sweep = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = before }, new() { Value = most } } };
        return await sweep.ExecuteNonQueryAsync(cancellation);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _sweep.DisposeAsync();
}
