using FleetRouter.Hosting.Ports;
using Npgsql;
using NpgsqlTypes;

namespace FleetRouter.Storage.Conversations;

/// <summary>The statements on <c>fleetrouter.responses</c>.</summary>
internal static class ResponseTable
{
    /// <summary>Turns fetched by one question; a longer history is asked for in pieces.</summary>
    private const int MostTurns = 1_000;

    private const string Columns = "id, previous_id, owner, created_at, expires_at, input, body";

    /// <summary>An answer that its owner may see at <paramref name="now"/>.</summary>
    public static async Task<StoredResponse?> FindAsync(NpgsqlConnection connection, string id, string owner, DateTimeOffset now, CancellationToken cancellation)
    {
        await using NpgsqlCommand ask = Command(connection, $"select {Columns} from fleetrouter.responses where id = $1 and owner = $2 and expires_at > $3", id, owner, now);
        await using NpgsqlDataReader reader = await ask.ExecuteReaderAsync(cancellation);
        return await reader.ReadAsync(cancellation) ? Read(reader) : null;
    }

    /// <summary>An answer and those before it, the last first; ends before one that its owner may not see.</summary>
    public static async Task<List<StoredResponse>> ChainAsync(NpgsqlConnection connection, string id, string owner, DateTimeOffset now, CancellationToken cancellation)
    {
        await using NpgsqlCommand ask = Command(connection, $"""
            with recursive turns as (
                select {Columns}, 1 as turn from fleetrouter.responses where id = $1 and owner = $2 and expires_at > $3
                union all
                select r.id, r.previous_id, r.owner, r.created_at, r.expires_at, r.input, r.body, t.turn + 1
                from turns t join fleetrouter.responses r on r.id = t.previous_id
                where r.owner = $2 and r.expires_at > $3 and t.turn < {MostTurns}
            )
            select {Columns} from turns order by turn
            """, id, owner, now);
        await using NpgsqlDataReader reader = await ask.ExecuteReaderAsync(cancellation);
        var turns = new List<StoredResponse>();
        while (await reader.ReadAsync(cancellation))
            turns.Add(Read(reader));
        return turns;
    }

    /// <summary>Makes every write, or none of them. Making them again changes nothing.</summary>
    /// <returns>The rows each of them changed.</returns>
    public static async Task<int[]> WriteAsync(NpgsqlConnection connection, IReadOnlyList<PendingWrite> writes, DateTimeOffset now, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (PendingWrite write in writes)
            batch.BatchCommands.Add(write.Response is { } response ? Save(response) : Delete(write, now));
        await batch.ExecuteNonQueryAsync(cancellation);
        return [.. batch.BatchCommands.Cast<NpgsqlBatchCommand>().Select(command => (int)command.RecordsAffected)];
    }

    /// <summary>Removes some of what has expired.</summary>
    /// <returns>How many.</returns>
    public static async Task<int> SweepAsync(NpgsqlConnection connection, DateTimeOffset now, int most, CancellationToken cancellation)
    {
        await using NpgsqlCommand sweep = Command(connection, """
            delete from fleetrouter.responses where id in
                (select id from fleetrouter.responses where expires_at <= $1 order by expires_at limit $2 for update skip locked)
            """, now, most);
        return await sweep.ExecuteNonQueryAsync(cancellation);
    }

    private static NpgsqlBatchCommand Save(StoredResponse response) => new($"""
        insert into fleetrouter.responses as r ({Columns}) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (id) do update set previous_id = excluded.previous_id, created_at = excluded.created_at, expires_at = excluded.expires_at,
            input = excluded.input, body = excluded.body
        where r.owner = excluded.owner
        """)
    {
        Parameters =
        {
            new() { Value = response.Id },
            new() { Value = (object?)response.PreviousId ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text },
            new() { Value = response.Owner },
            new() { Value = response.CreatedAt.ToUniversalTime() },
            new() { Value = response.ExpiresAt.ToUniversalTime() },
            new() { Value = response.Input, NpgsqlDbType = NpgsqlDbType.Bytea },
            new() { Value = response.Body, NpgsqlDbType = NpgsqlDbType.Bytea },
        },
    };

    private static NpgsqlBatchCommand Delete(PendingWrite write, DateTimeOffset now) => new("delete from fleetrouter.responses where id = $1 and owner = $2 and expires_at > $3")
    {
        Parameters = { new() { Value = write.Id }, new() { Value = write.Owner }, new() { Value = now } },
    };

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (object value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    private static StoredResponse Read(NpgsqlDataReader row) => new(
        row.GetString(0), row.IsDBNull(1) ? null : row.GetString(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3), row.GetFieldValue<DateTimeOffset>(4),
        row.GetFieldValue<byte[]>(5), row.GetFieldValue<byte[]>(6));
}
