using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FleetRouter.LoadGen.Demo;

/// <summary>A PostgreSQL server of this process's own, in a folder that goes with it. It ends with the process, however that ends.</summary>
/// <remarks>For the verbs, and for the tests that need a database: their projects link this file.</remarks>
internal sealed class LocalPostgres : IAsyncDisposable
{
    /// <summary>What to say where there are no <see cref="Programs"/>.</summary>
    public const string NotInstalled = "PostgreSQL 14 or later is not installed: install Debian's package postgresql and try again";

    /// <summary>Starts the server and waits for a word on its standard input: the signal to end it with, or the input's end.</summary>
    private const string UntilTold = "\"$@\" & server=$!; read -r signal; kill -\"${signal:-QUIT}\" $server; wait $server";

    private const int OldestVersion = 14;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fleetrouter-postgres-");
    private readonly int _port = FreePort();
    private readonly string _programs;
    private readonly IReadOnlyList<string> _settings;
    private Process? _server;

    private LocalPostgres(string programs, IReadOnlyList<string> settings) => (_programs, _settings) = (programs, settings);

    /// <summary>Folder of the newest server's programs; null where none is installed.</summary>
    public static string? Programs { get; } = NewestUnder("/usr/lib/postgresql");

    /// <summary>Where it is, as Npgsql takes it.</summary>
    public string ConnectionTo(string database) => $"Host=127.0.0.1;Port={_port};Database={database};Username=postgres";

    /// <summary>Makes a server and starts it; returns once it takes connections.</summary>
    /// <param name="settings">Settings of its configuration, each <c>name=value</c>.</param>
    /// <param name="stop">Ends the start.</param>
    /// <exception cref="InvalidOperationException">PostgreSQL is not installed, or does not start; the message has one line and then what it said.</exception>
    public static async Task<LocalPostgres> Start(IReadOnlyList<string> settings, CancellationToken stop)
    {
        var postgres = new LocalPostgres(Programs ?? throw new InvalidOperationException(NotInstalled), settings);
        try
        {
            if (Environment.IsPrivilegedProcess) await Run("chown", "postgres", postgres._folder.FullName);
            await Run([.. AsPostgres, Path.Combine(postgres._programs, "initdb"), "-D", postgres.Data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
            await postgres.Begin(stop);
            return postgres;
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it, again after <see cref="Stop"/>; returns once it takes connections.</summary>
    /// <exception cref="InvalidOperationException">It does not start; the message has one line and then what it said.</exception>
    public async Task Begin(CancellationToken stop)
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new List<string>();
        _server = Launch("sh",
        [
            "-c", UntilTold, "sh", .. AsPostgres, Path.Combine(_programs, "postgres"), "-D", Data, "-p", _port.ToString(CultureInfo.InvariantCulture),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", .. _settings.SelectMany(setting => new[] { "-c", setting }),
        ]);
        _server.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null) ready.TrySetException(new InvalidOperationException($"PostgreSQL did not start; it wrote:\n  {string.Join("\n  ", said)}"));
            else if (line.Data.Contains("ready to accept connections", StringComparison.Ordinal)) ready.TrySetResult();
            else if (!ready.Task.IsCompleted) said.Add(line.Data);
        };
        _server.BeginErrorReadLine();
        try { await ready.Task.WaitAsync(Patience, stop); }
        catch (TimeoutException) { throw new InvalidOperationException($"PostgreSQL did not start within {Patience.TotalSeconds:0} s"); }
    }

    /// <summary>Asks its database <c>postgres</c>.</summary>
    /// <returns>The answer's rows, their columns parted by bars.</returns>
    /// <exception cref="InvalidOperationException">It refuses; the message has what it said.</exception>
    public async Task<string> Query(string sql, CancellationToken stop)
    {
        var start = new ProcessStartInfo(Path.Combine(_programs, "psql"),
            ["-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", _port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-d", "postgres", "-c", sql])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(stop);
        var rows = await process.StandardOutput.ReadToEndAsync(stop);
        await process.WaitForExitAsync(stop);
        return process.ExitCode == 0 ? rows.Trim() : throw new InvalidOperationException($"PostgreSQL was asked in vain; it said:\n  {(await errors).Trim()}");
    }

    /// <summary>Ends it, if it runs.</summary>
    /// <param name="signal"><c>INT</c> ends its sessions in order, <c>QUIT</c> as a crash would.</param>
    public async Task Stop(string signal = "QUIT")
    {
        if (_server is not { } server) return;
        _server = null;
        try
        {
            await server.StandardInput.WriteLineAsync(signal);
            server.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended by itself.
        }
        await server.WaitForExitAsync();
        server.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        _folder.Delete(recursive: true);
    }

    /// <summary>A port of this machine that nobody listens on at the moment.</summary>
    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The programs of the newest version that has a folder of its own under <paramref name="folder"/>, as Debian's packages have.</summary>
    internal static string? NewestUnder(string folder) => (Directory.Exists(folder) ? Directory.GetDirectories(folder) : [])
        .Select(version => (Number: int.TryParse(Path.GetFileName(version), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0, Programs: Path.Combine(version, "bin")))
        .Where(version => version.Number >= OldestVersion && File.Exists(Path.Combine(version.Programs, "initdb")))
        .OrderBy(version => version.Number).Select(version => version.Programs).LastOrDefault();

    private string Data => Path.Combine(_folder.FullName, "data");

    // PostgreSQL refuses to run as root.
    private static string[] AsPostgres => Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    private static async Task Run(params string[] command)
    {
        using var process = Launch(command[0], command[1..]);
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{string.Join(' ', command)} failed; it wrote:\n  {errors.Trim().ReplaceLineEndings("\n  ")}");
    }

    private static Process Launch(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" };
        start.Environment["LC_ALL"] = "C";
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        return process;
    }
}
