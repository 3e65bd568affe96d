using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting.Ports;
using Npgsql;
using NpgsqlTypes;

namespace FleetRouter.Storage.Profiles;

/// <summary>What pools have learned, in PostgreSQL, a row each. Of several gateways that run a pool of one name each, what one learned last is kept.</summary>
/// <param name="database">Where it is kept.</param>
public sealed class PostgresProfiles(Database database) : ILearnedProfiles
{
    /// <inheritdoc/>
    public async Task<LearnedProfile?> RecallAsync(string pool, CancellationToken cancellation)
    {
        try
        {
            return await database.ReadAsync(async (connection, ends) =>
            {
                await using var read = new NpgsqlCommand("select profile from fleetrouter.learned_profiles where pool = $1", connection) { Parameters = { new() { Value = pool } } };
                return await read.ExecuteScalarAsync(ends) is string kept ? JsonSerializer.Deserialize<LearnedProfile>(kept) : null;
            }, cancellation);
        }
        catch (Exception e) when (e is ConversationsUnavailableException or JsonException)
        {
            return null;   // what another build wrote may not be readable here
        }
    }

    /// <inheritdoc/>
    public async Task KeepAsync(string pool, LearnedProfile profile, CancellationToken cancellation)
    {
        try
        {
            await database.ReadAsync(async (connection, ends) =>
            {
                await using var write = new NpgsqlCommand(
                    "insert into fleetrouter.learned_profiles values ($1, $2, now()) on conflict (pool) do update set profile = excluded.profile, written_at = excluded.written_at", connection)
                {
                    Parameters = { new() { Value = pool }, new() { Value = JsonSerializer.Serialize(profile), NpgsqlDbType = NpgsqlDbType.Jsonb } },
                };
                return await write.ExecuteNonQueryAsync(ends);   // written twice, it says the same
            }, cancellation);
        }
        catch (ConversationsUnavailableException)
        {
            // It is kept the next time.
        }
    }
}
