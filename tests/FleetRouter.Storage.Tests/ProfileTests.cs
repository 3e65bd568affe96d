using FleetRouter.Domain.Fleet;
using FleetRouter.Storage.Profiles;
using Npgsql;

namespace FleetRouter.Storage.Tests;

public sealed class ProfileTests(SharedServer server)
{
    private static readonly LearnedProfile Learned = new(3.25, 900.5, 120, null);

    [Fact]
    public async Task What_was_learned_last_is_there_for_the_next_gateway()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await using (Database database = await OpenAsync(address))
        {
            var profiles = new PostgresProfiles(database);
            Assert.Null(await profiles.RecallAsync("p", default));
            await profiles.KeepAsync("p", Learned, default);
            await profiles.KeepAsync("p", Learned with { PrefillTokensPerSecond = 1e5 }, default);
            await profiles.KeepAsync("other", Learned, default);
        }
        await using Database next = await OpenAsync(address);
        Assert.Equal(Learned with { PrefillTokensPerSecond = 1e5 }, await new PostgresProfiles(next).RecallAsync("p", default));
    }

    [Fact]
    public async Task Out_of_reach_there_is_none_and_nobody_is_troubled()
    {
        await using var database = new Database(new DatabaseOptions { Address = DatabaseAddress.Parse("Host=127.0.0.1;Port=1;Username=u;Database=d", "a test") }, new LogLines());
        await database.OpenAsync();
        var profiles = new PostgresProfiles(database);
        await profiles.KeepAsync("p", Learned, default);
        Assert.Null(await profiles.RecallAsync("p", default));
    }

    [Fact]
    public async Task What_cannot_be_read_is_as_if_there_were_none()
    {
        await using Database database = await OpenAsync(await server.NewDatabaseAsync());
        await database.ReadAsync(async (connection, ends) =>
        {
            await using var write = new NpgsqlCommand("insert into fleetrouter.learned_profiles values ('p', '[]', now())", connection);
            return await write.ExecuteNonQueryAsync(ends);
        }, default);
        Assert.Null(await new PostgresProfiles(database).RecallAsync("p", default));
    }

    private static async Task<Database> OpenAsync(DatabaseAddress address)
    {
        var database = new Database(new DatabaseOptions { Address = address }, new LogLines());
        await database.OpenAsync();
        return database;
    }
}
