using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FleetRouter.LoadGen.Demo;

/// <summary>A PostgreSQL server of the verb's own, in a folder that goes with it.</summary>
internal sealed class LocalPostgres : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly DirectoryInfo _folder;
    private readonly string _programs;
    private readonly int _port;
    private ChildProcess? _server;

    private LocalPostgres(DirectoryInfo folder, string programs, int port) => (_folder, _programs, _port) = (folder, programs, port);

    /// <summary>Where it is, as Npgsql takes it.</summary>
    public string ConnectionString => $"Host=127.0.0.1;Port={_port};Database=postgres;Username=postgres";

    /// <exception cref="UsageException">PostgreSQL is not installed, or does not start.</exception>
    public static async Task<LocalPostgres> Start(CancellationToken stop)
    {
        var programs = (Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [])
            .Select(version => Path.Combine(version, "bin")).Where(bin => File.Exists(Path.Combine(bin, "initdb"))).Order(StringComparer.Ordinal).LastOrDefault()
            ?? throw new UsageException("PostgreSQL is not installed: install Debian's package postgresql and try again");
        var postgres = new LocalPostgres(Directory.CreateTempSubdirectory("fleet-postgres-"), programs, FreePort());
        try
        {
            if (Environment.IsPrivilegedProcess) await Run("chown", "postgres", postgres._folder.FullName);
            await Run([.. AsPostgres, Path.Combine(programs, "initdb"), "-D", postgres.Data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
            await postgres.Begin(stop);
            return postgres;
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server, again after <see cref="Stop"/>; returns once it takes connections.</summary>
    public async Task Begin(CancellationToken stop)
    {
        // What a child says on stdin's end is its own affair: a shell ends the server with it.
        string[] command =
        [
            .. AsPostgres, Path.Combine(_programs, "postgres"), "-D", Data, "-p", _port.ToString(CultureInfo.InvariantCulture),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200",
        ];
        _server = ChildProcess.Start("PostgreSQL", "sh", ["-c", "\"$@\" & server=$!; read -r word; kill -QUIT $server; wait $server", "sh", .. command]);
        await _server.Said("ready to accept connections", Patience, stop);
    }

    /// <summary>Ends the server as a crash would.</summary>
    public async Task Stop()
    {
        if (_server is null) return;
        await _server.DisposeAsync();
        _server = null;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _folder.Delete(recursive: true);
    }

    private string Data => Path.Combine(_folder.FullName, "data");

    // PostgreSQL refuses to run as root.
    private static string[] AsPostgres => Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    private static async Task Run(params string[] command)
    {
        await using var child = ChildProcess.Start(Path.GetFileName(command[0]), command[0], command[1..]);
        if (await child.Exit() is not 0) throw new UsageException($"{string.Join(' ', command)} failed{child.Said()}");
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
