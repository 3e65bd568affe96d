using Npgsql;

namespace FleetRouter.Storage.Tests;

public sealed class SchemaTests(SharedServer server)
{
    private static readonly Migration First = new(1, "first", "create table fleetrouter.one (x int)");
    private static readonly Migration Second = new(2, "second", "create table fleetrouter.two (x int); insert into fleetrouter.two values (7)");

    private static async Task ApplyAsync(DatabaseAddress address, params Migration[] migrations)
    {
        await using var source = NpgsqlDataSource.Create(address.Single());
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await Schema.ApplyAsync(connection, migrations, CancellationToken.None);
    }

    [Fact]
    public void Migrations_are_numbered_without_a_gap() => Assert.Equal(Enumerable.Range(1, Schema.Migrations.Count), Schema.Migrations.Select(m => m.Number));

    [Fact]
    public async Task Started_again_a_build_finds_its_schema_and_changes_nothing()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await ApplyAsync(address, [.. Schema.Migrations]);
        await ApplyAsync(address, [.. Schema.Migrations]);
        Assert.Equal((long)Schema.Migrations.Count, await PostgresServer.ExecuteAsync(address, "select count(*) from fleetrouter.migrations"));
    }

    [Fact]
    public async Task Gateways_that_start_together_migrate_once()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ApplyAsync(address, First, Second)));
        Assert.Equal(1L, await PostgresServer.ExecuteAsync(address, "select count(*) from fleetrouter.two"));
    }

    [Fact]
    public async Task An_older_schema_gets_what_it_lacks()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await ApplyAsync(address, First);
        await ApplyAsync(address, First, Second);
        Assert.Equal(7, await PostgresServer.ExecuteAsync(address, "select x from fleetrouter.two"));
    }

    [Fact]
    public async Task A_migration_that_fails_leaves_nothing_behind()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await Assert.ThrowsAsync<PostgresException>(() => ApplyAsync(address, First, Second with { Sql = Second.Sql + "; select nonsense" }));
        Assert.Equal(DBNull.Value, await PostgresServer.ExecuteAsync(address, "select to_regnamespace('fleetrouter')::text"));
        await ApplyAsync(address, First, Second);
    }

    [Fact]
    public async Task A_newer_schema_is_refused_at_start()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await ApplyAsync(address, [.. Schema.Migrations]);
        await PostgresServer.ExecuteAsync(address, "insert into fleetrouter.migrations values (9999, 'from_the_future')");
        var refused = await Assert.ThrowsAsync<DatabaseException>(() => GatewayStorage.OpenAsync(address));
        Assert.Equal($"the database's schema is version 9999, this build knows version {Schema.Migrations.Count}: run the newer build, or restore a backup from before it", refused.Message);
    }

    [Fact]
    public async Task A_schema_made_for_the_gateway_needs_no_right_to_make_schemas()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        await PostgresServer.ExecuteAsync(address, "create role router login; create schema fleetrouter authorization router");
        await ApplyAsync(DatabaseAddress.Parse(address.Single() + ";Username=router", "the test"), [.. Schema.Migrations]);
    }

    [Fact]
    public async Task A_database_that_is_not_there_is_refused_at_start()
    {
        DatabaseAddress address = await server.NewDatabaseAsync();
        var refused = await Assert.ThrowsAsync<DatabaseException>(() => GatewayStorage.OpenAsync(DatabaseAddress.Parse(address.Single() + ";Database=nowhere;Password=hush", "the test")));
        Assert.Contains("database \"nowhere\" does not exist", refused.Message);
        Assert.DoesNotContain("hush", refused.ToString());
    }

    [Theory]
    [InlineData("Host=db;Password=hush;Bogus=hush")]
    [InlineData("postgres://me:hush@db/fleet")]
    [InlineData("hush")]
    [InlineData("Password=hush")]
    [InlineData("Host=db;Port=hush")]
    [InlineData("")]
    public void What_is_no_connection_string_is_named_by_where_it_came_from_and_never_shown(string text)
    {
        var refused = Assert.Throws<DatabaseException>(() => DatabaseAddress.Parse(text, "environment variable DB"));
        Assert.StartsWith("the connection string in environment variable DB ", refused.Message);
        Assert.DoesNotContain("hush", refused.ToString());
    }

    [Fact]
    public void An_address_shows_no_user_and_no_password()
    {
        string shown = DatabaseAddress.Parse("Host=db;Database=fleet;Username=me;Password=hush", "x").ToString();
        Assert.Equal("db:5432/fleet", shown);
        Assert.DoesNotContain("hush", new DatabaseOptions { Address = DatabaseAddress.Parse("Host=db;Password=hush", "x") }.ToString());
    }
}
