using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using FleetRouter.Storage;
using Npgsql;

namespace FleetRouter.Storage.Tests;

/// <summary>A PostgreSQL server of the tests' own, in a folder that goes with it. Ends with the test process, however that ends.</summary>
public sealed class PostgresServer : IAsyncDisposable
{
    /// <summary>Starts the server and waits for a word on its standard input: the signal to end it with, or the input's end.</summary>
    private const string UntilTold = "\"$@\" & server=$!; read -r signal; kill -\"${signal:-QUIT}\" $server; wait $server";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fleetrouter-postgres-");
    private readonly int _port = FreePort();
    private Process? _process;
    private int _databases;

    private PostgresServer()
    {
    }

    /// <summary>Folder of the server's programs; null where it is not installed.</summary>
    private static string? Programs { get; } = (Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [])
        .Select(version => Path.Combine(version, "bin"))
        .Where(bin => int.TryParse(Path.GetFileName(Path.GetDirectoryName(bin)), out int version) && version >= 14 && File.Exists(Path.Combine(bin, "initdb")))
        .MaxBy(bin => int.Parse(Path.GetFileName(Path.GetDirectoryName(bin))!, System.Globalization.CultureInfo.InvariantCulture));

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <summary>Starts a server; skips the test where PostgreSQL is not installed.</summary>
    public static async Task<PostgresServer> StartNewAsync()
    {
        if (Programs is null)
            Assert.Skip("PostgreSQL 14 or later is not installed (Debian: postgresql)");
        var server = new PostgresServer();
        try
        {
            if (Environment.IsPrivilegedProcess)
                await RunAsync("chown", "postgres", server._folder.FullName);
            await RunAsync([.. AsPostgres, Path.Combine(Programs, "initdb"), "-D", server.Data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it again after <see cref="StopAsync"/>; returns once it takes connections.</summary>
    public async Task StartAsync()
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        _process = Launch("sh", ["-c", UntilTold, "sh", .. AsPostgres, Path.Combine(Programs!, "postgres"), "-D", Data, "-p", $"{_port}",
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60", "-c", "autovacuum=off"]);
        _process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                ready.TrySetException(new InvalidOperationException("PostgreSQL did not start: " + string.Join(" | ", said)));
            else if (line.Data.Contains("ready to accept connections", StringComparison.Ordinal))
                ready.TrySetResult();
            else
                said.Add(line.Data);
        };
        _process.BeginErrorReadLine();
        await ready.Task.WaitAsync(TimeSpan.FromMinutes(2));
    }

    /// <summary>Ends it: <c>INT</c> ends its sessions in order, <c>QUIT</c> as a crash would.</summary>
    public async Task StopAsync(string signal = "QUIT")
    {
        if (_process is not { } process)
            return;
        _process = null;
        await process.StandardInput.WriteLineAsync(signal);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    /// <summary>A new, empty database.</summary>
    public async Task<DatabaseAddress> NewDatabaseAsync()
    {
        string name = $"test_{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync(AddressOf("postgres"), $"create database {name}");
        return AddressOf(name);
    }

    public DatabaseAddress AddressOf(string database) => DatabaseAddress.Parse($"Host=127.0.0.1;Port={_port};Database={database};Username=postgres", "the test");

    /// <summary>Runs SQL, and returns the first value of the first row.</summary>
    public static async Task<object?> ExecuteAsync(DatabaseAddress address, string sql)
    {
        await using var source = NpgsqlDataSource.Create(address.Single());
        await using NpgsqlCommand command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Sends a signal to one of the server's processes.</summary>
    public static void Signal(int process, PosixSignalNumber signal) => Assert.Equal(0, Kill(process, (int)signal));

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _folder.Delete(recursive: true);
    }

    // PostgreSQL refuses to run as root.
    private static string[] AsPostgres => Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    private static async Task RunAsync(params string[] command)
    {
        using Process process = Launch(command[0], command[1..]);
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', command)}: {errors}");
    }

    private static Process Launch(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" };
        start.Environment["LC_ALL"] = "C";
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

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
