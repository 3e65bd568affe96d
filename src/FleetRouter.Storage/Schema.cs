using System.Globalization;
using System.Reflection;
using Npgsql;

namespace FleetRouter.Storage;

/// <summary>Brings the database's schema to what this build needs.</summary>
internal static class Schema
{
    /// <summary>Advisory lock under which migrations run; "fleet" in ASCII.</summary>
    private const long Lock = 0x666C656574;

    private const int OldestServer = 14;   // idle_session_timeout, without which a frozen gateway would keep its role

    /// <summary>All migrations of this build, in order.</summary>
    public static IReadOnlyList<Migration> Migrations { get; } =
    [
        .. typeof(Schema).Assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal))
            .Select(name => new Migration(int.Parse(name.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture), name[5..^4], Text(name)))
            .OrderBy(m => m.Number),
    ];

    /// <summary>Applies what is missing, in one transaction. Safe to be run by several gateways at once and again.</summary>
    /// <exception cref="DatabaseException">A newer build has migrated this database, or the server is too old.</exception>
    public static async Task ApplyAsync(NpgsqlConnection connection, IReadOnlyList<Migration> migrations, CancellationToken cancellation)
    {
        if (connection.PostgreSqlVersion.Major < OldestServer)
            throw new DatabaseException($"the database is PostgreSQL {connection.PostgreSqlVersion}; version {OldestServer} or later is needed");
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellation);
        await RunAsync(connection, $"select pg_advisory_xact_lock({Lock})", cancellation);
        // Asked first, since even "if not exists" needs the right to create.
        await RunAsync(connection, """
            do $$ begin
                if to_regnamespace('fleetrouter') is null then create schema fleetrouter; end if;
                if to_regclass('fleetrouter.migrations') is null then
                    create table fleetrouter.migrations (number int primary key, name text not null, applied_at timestamptz not null default now());
                end if;
            end $$
            """, cancellation);
        await using var ask = new NpgsqlCommand("select coalesce(max(number), 0) from fleetrouter.migrations", connection);
        int current = (int)(await ask.ExecuteScalarAsync(cancellation))!;
        int known = migrations.Count == 0 ? 0 : migrations[^1].Number;
        if (current > known)
            throw new DatabaseException($"the database's schema is version {current}, this build knows version {known}: run the newer build, or restore a backup from before it");
        foreach (Migration missing in migrations.Where(m => m.Number > current))
        {
            await RunAsync(connection, missing.Sql, cancellation);
            await using var record = new NpgsqlCommand("insert into fleetrouter.migrations (number, name) values ($1, $2)", connection)
            {
                Parameters = { new() { Value = missing.Number }, new() { Value = missing.Name } },
            };
            await record.ExecuteNonQueryAsync(cancellation);
        }
        await transaction.CommitAsync(cancellation);
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };   // another gateway's migration may take its time
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static string Text(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}

/// <summary>One step of the schema, <c>Migrations/NUMBER_NAME.sql</c>. Once released it never changes.</summary>
internal sealed record Migration(int Number, string Name, string Sql);
