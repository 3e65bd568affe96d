using System.Globalization;
using System.Text.Json;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Demo;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>Engine stand-ins with several gateways in front of them, all on one database. A gateway that is killed comes back at its address.</summary>
internal sealed class ClusterFleet : IAsyncDisposable
{
    private const string Connection = "FLEETROUTER_CHAOS_DATABASE";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ChildProcess _engines;
    private readonly LocalPostgres _database;
    private readonly IReadOnlyList<Uri> _addresses;
    private readonly Gateway[] _gateways;
    private readonly bool _orleans;

    private ClusterFleet(ChildProcess engines, LocalPostgres database, string model, IReadOnlyList<Uri> addresses, int gateways, bool orleans)
    {
        (_engines, _database, Model, _addresses, _orleans) = (engines, database, model, addresses, orleans);
        _gateways = [.. Enumerable.Range(0, gateways).Select(_ => new Gateway(null, new Uri($"http://127.0.0.1:{LocalPostgres.FreePort()}")))];
    }

    public string Model { get; }

    /// <summary>Base address of each gateway.</summary>
    public IReadOnlyList<Uri> Gateways => [.. _gateways.Select(gateway => gateway.Address)];

    /// <exception cref="UsageException">A child is not built, does not start, or is not ready in time.</exception>
    public static async Task<ClusterFleet> Start(int gateways, StandIns standIns, CancellationToken stop, bool orleans = false)
    {
        var engines = DemoFleet.StartEngines(standIns);
        LocalPostgres? database = null;
        try
        {
            await Told(async () => database = await LocalPostgres.Start(["max_connections=200"], stop));
            var ready = await engines.Ready(Patience, stop);
            Uri[] addresses = [.. ready.GetProperty("engines").EnumerateArray().Select(url => new Uri(url.GetString()!))];
            var fleet = new ClusterFleet(engines, database!, ready.GetProperty("model").GetString()!, addresses, gateways, orleans);
            await Task.WhenAll(Enumerable.Range(0, gateways).Select(gateway => fleet.Begin(gateway, stop)));
            return fleet;
        }
        catch
        {
            await engines.DisposeAsync();
            if (database is not null) await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the database as a crash would.</summary>
    public Task StopDatabase() => _database.Stop();

    /// <summary>Starts it again; returns once it takes connections.</summary>
    /// <exception cref="UsageException">It does not start.</exception>
    public Task BeginDatabase(CancellationToken stop) => Told(() => _database.Begin(stop));

    private static async Task Told(Func<Task> start)
    {
        try { await start(); }
        catch (InvalidOperationException wrong) { throw new UsageException(wrong.Message); }
    }

    /// <summary>Starts a gateway, at the address it had before; returns when it is ready.</summary>
    public async Task Begin(int number, CancellationToken stop)
    {
        var address = _gateways[number].Address;
        var file = Path.Combine(Path.GetTempPath(), $"fleet-cluster-{Guid.NewGuid():N}.yaml");
        await File.WriteAllTextAsync(file, $"database:\n  connectionString: env:{Connection}\n  journal: true\n" + BudgetSpender.Configuration + (_orleans ? $"cluster:\n  silo: 127.0.0.1:{LocalPostgres.FreePort()}\n" : "") +
            DemoFleet.Configuration("least-cost", TimeSpan.FromSeconds(5), _addresses, address.GetLeftPart(UriPartial.Authority)), stop);
        try
        {
            var process = ChildProcess.Start(string.Create(CultureInfo.InvariantCulture, $"gateway {number}"), DemoFleet.Dotnet,
                new Dictionary<string, string> { [Connection] = _database.ConnectionTo("postgres") },
                [DemoFleet.Sibling("FleetRouter.Gateway"), "run", "--config", file, "--ready-json", "--exit-with-parent"]);
            _gateways[number] = new Gateway(process, address);
            await process.Ready(Patience, stop);
            await DemoFleet.UntilReady(address, process, stop);
        }
        finally { File.Delete(file); }
    }

    /// <summary>Stops a gateway as SIGSTOP does.</summary>
    public Task Freeze(int number) => _gateways[number].Process!.Freeze();

    /// <summary>Kills all gateways and starts them again, their silos under other addresses; the time until all are ready.</summary>
    public async Task<TimeSpan> RestartAll(RunClock clock, CancellationToken stop)
    {
        var at = clock.Now;
        for (var number = 0; number < _gateways.Length; number++) await Kill(number);
        await Task.WhenAll(Enumerable.Range(0, _gateways.Length).Select(number => Begin(number, stop)));
        return clock.Now - at;
    }

    /// <summary>Replays what all gateways' pools wrote down.</summary>
    /// <exception cref="UsageException">It cannot be read.</exception>
    public Task<JournalCheck> Journals(CancellationToken stop) => JournalCheck.Of(Connection, _database.ConnectionTo("postgres"), stop);

    /// <summary>Who provisioned when, as the gateways wrote it down.</summary>
    /// <exception cref="UsageException">It cannot be read.</exception>
    public async Task<RoleTurns> Turns(CancellationToken stop)
    {
        string? said = null;
        await Told(async () => said = await _database.Query(RoleTurns.Question, stop));
        return RoleTurns.Read(said!);
    }

    /// <summary>Kills a gateway as SIGKILL does.</summary>
    public async Task Kill(int number)
    {
        var process = _gateways[number].Process!;
        await process.Kill();
        await process.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var gateway in _gateways)
            if (gateway.Process is { } process) await process.DisposeAsync();
        await _engines.DisposeAsync();
        await _database.DisposeAsync();
    }

    private sealed record Gateway(ChildProcess? Process, Uri Address);
}
