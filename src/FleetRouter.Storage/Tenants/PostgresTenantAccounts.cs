using System.Text.Json;
using FleetRouter.Domain.Tenants;
using FleetRouter.Hosting.Ports;
using Npgsql;
using NpgsqlTypes;

namespace FleetRouter.Storage.Tenants;

/// <summary>Tenants' accounts in PostgreSQL, shared by all gateways that use the database. An account answers one gateway at a time, whichever
/// of them asks: its row is locked from reading to writing.</summary>
/// <remarks>Windows follow the server's clock. It is read after the ask was sent, which is all that a lease's end depends on.</remarks>
/// <param name="database">Where they are kept.</param>
public sealed class PostgresTenantAccounts(Database database) : ITenantAccounts
{
    /// <inheritdoc/>
    public async Task<LeaseGrant> LeaseAsync(LeaseAsk ask, CancellationToken cancellation)
    {
        try
        {
            return await database.ReadAsync((connection, ends) => AnswerAsync(connection, ask, ends), cancellation);   // asked twice, it answers the same
        }
        catch (ConversationsUnavailableException trouble)
        {
            throw new TenantAccountUnavailableException(trouble.Message, trouble);
        }
    }

    private static async Task<LeaseGrant> AnswerAsync(NpgsqlConnection connection, LeaseAsk ask, CancellationToken cancellation)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellation);
        (TenantAccount account, TimeSpan now) = await ReadAsync(connection, ask.Tenant, cancellation);
        (account, LeaseGrant grant) = account.Answer(ask, now);
        await using var write = new NpgsqlCommand("update fleetrouter.tenant_accounts set account = $2, written_at = clock_timestamp() where tenant = $1", connection)
        {
            Parameters = { new() { Value = ask.Tenant }, Json(account) },
        };
        await write.ExecuteNonQueryAsync(cancellation);
        await transaction.CommitAsync(cancellation);
        return grant;
    }

    /// <summary>Locks the account and reads it, with the time since the epoch; makes it where there is none.</summary>
    private static async Task<(TenantAccount Account, TimeSpan Now)> ReadAsync(NpgsqlConnection connection, string tenant, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("set local synchronous_commit = on"),   // a grant leaves only when it is on disk, whatever the server's habit
                new("insert into fleetrouter.tenant_accounts values ($1, $2, clock_timestamp()) on conflict do nothing")
                {
                    Parameters = { new() { Value = tenant }, Json(TenantAccount.New) },
                },
                new("select account, clock_timestamp() from fleetrouter.tenant_accounts where tenant = $1 for update") { Parameters = { new() { Value = tenant } } },
            },
        };
        await using NpgsqlDataReader row = await batch.ExecuteReaderAsync(cancellation);
        await row.ReadAsync(cancellation);
        return (JsonSerializer.Deserialize<TenantAccount>(row.GetString(0))!, row.GetFieldValue<DateTimeOffset>(1) - DateTimeOffset.UnixEpoch);
    }

    private static NpgsqlParameter Json(TenantAccount account) => new() { Value = JsonSerializer.Serialize(account), NpgsqlDbType = NpgsqlDbType.Jsonb };
}
