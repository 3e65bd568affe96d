using System.Runtime.InteropServices;
using FleetRouter.LoadGen.Demo;
using FleetRouter.Storage;
using Npgsql;

namespace FleetRouter.Storage.Tests;

/// <summary>A PostgreSQL server of the tests' own, with databases.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private readonly LocalPostgres _server;
    private int _databases;

    private PostgresServer(LocalPostgres server) => _server = server;

    /// <summary>Starts a server; skips the test where PostgreSQL is not installed.</summary>
    public static async Task<PostgresServer> StartNewAsync()
    {
        if (LocalPostgres.Programs is null)
            Assert.Skip(LocalPostgres.NotInstalled);
        return new PostgresServer(await LocalPostgres.Start(["fsync=off", "shared_buffers=16MB", "max_connections=60", "autovacuum=off"], CancellationToken.None));
    }

    /// <summary>Starts it again after <see cref="StopAsync"/>; returns once it takes connections.</summary>
    public Task StartAsync() => _server.Begin(CancellationToken.None);

    /// <summary>Ends it: <c>INT</c> ends its sessions in order, <c>QUIT</c> as a crash would.</summary>
    public Task StopAsync(string signal = "QUIT") => _server.Stop(signal);

    /// <summary>A new, empty database.</summary>
    public async Task<DatabaseAddress> NewDatabaseAsync()
    {
        string name = $"test_{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync(AddressOf("postgres"), $"create database {name}");
        return AddressOf(name);
    }

    public DatabaseAddress AddressOf(string database) => DatabaseAddress.Parse(_server.ConnectionTo(database), "the test");

    /// <summary>Runs SQL, and returns the first value of the first row.</summary>
    public static async Task<object?> ExecuteAsync(DatabaseAddress address, string sql)
    {
        await using var source = NpgsqlDataSource.Create(address.Single());
        await using NpgsqlCommand command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Sends a signal to one of the server's processes.</summary>
    public static void Signal(int process, PosixSignalNumber signal) => Assert.Equal(0, Kill(process, (int)signal));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int process, int signal);
}

/// <summary>Signals by their numbers on Linux.</summary>
public enum PosixSignalNumber
{
    Stop = 19,
    Continue = 18,
}

/// <summary>One server for all tests that do not stop it.</summary>
public sealed class SharedServer : IAsyncDisposable
{
    private readonly Lazy<Task<PostgresServer>> _server = new(PostgresServer.StartNewAsync);

    /// <summary>A new, empty database; skips the test where PostgreSQL is not installed.</summary>
    public async Task<DatabaseAddress> NewDatabaseAsync() => await (await _server.Value).NewDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        if (_server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await _server.Value).DisposeAsync();
    }
}
