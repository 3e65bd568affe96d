using System.CommandLine;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Configuration;

namespace FleetRouter.Gateway;

/// <summary><c>run</c>: starts the gateway and serves until told to stop.</summary>
internal static class RunVerb
{
    public static Command Command()
    {
        var config = new System.CommandLine.Option<string?>("--config") { Description = "Configuration file (YAML; docs/configuration.md). Changes to it are taken up while running.", HelpName = "FILE" };
        var engines = new System.CommandLine.Option<int>("--engines") { Description = "Start this many engine stand-ins too and route to them.", HelpName = "N" };
        var journal = new System.CommandLine.Option<string?>("--journal") { Description = "Keep a journal in this folder, for ./fleet why; stands in for option journal.path.", HelpName = "FOLDER" };
        var readyJson = new System.CommandLine.Option<bool>("--ready-json") { Description = "When ready, print the addresses as one line of JSON instead of text." };
        var exitWithParent = new System.CommandLine.Option<bool>("--exit-with-parent") { Description = "Stop when standard input closes." };
        engines.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 0 or > 256)
                result.AddError("--engines takes a number from 1 to 256");
        });
        var command = new Command("run", "Start the gateway.") { config, engines, journal, readyJson, exitWithParent };
        command.SetAction((parsed, cancellation) => RunAsync(
            parsed.GetValue(config), parsed.GetValue(engines), parsed.GetValue(journal), parsed.GetValue(readyJson), parsed.GetValue(exitWithParent), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string? path, int engines, string? journal, bool readyJson, bool exitWithParent, CancellationToken cancellation)
    {
        var reader = new ConfigurationReader(PlacementPolicies.Names, Environment.GetEnvironmentVariable);
        ConfigurationReading? reading = path is null ? null : reader.ReadFile(path);
        if (reading is { Options: null })
            return CheckVerb.Fail(reading);
        if (reading is null && engines == 0)
            return Fail("no engines to route to: give --config FILE, or --engines N for stand-ins (./fleet run --help)");
        try
        {
            using StandIns? standIns = engines > 0 ? await StandIns.StartAsync(engines) : null;
            GatewayOptions options = WithArguments(reading?.Options ?? new GatewayOptions(), standIns, journal);
            await using GatewayServer server = await GatewayServer.StartAsync(options);
            Announce(server, options, readyJson);
            using CancellationTokenRegistration stopped = cancellation.Register(server.Stop);
            if (exitWithParent)
                StopWithParent(server);
            using var watching = new CancellationTokenSource();
            Task following = reading is null ? Task.CompletedTask : FollowAsync(server, path!, reader, reading, changed => WithArguments(changed, standIns, journal), watching.Token);
            await server.RunUntilStoppedAsync();
            await watching.CancelAsync();
            await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return 0;
        }
        catch (IOException e)
        {
            return Fail(e.Message.ReplaceLineEndings(" "));
        }
    }

    private static async Task FollowAsync(
        GatewayServer server, string path, ConfigurationReader reader, ConfigurationReading running,
        Func<GatewayOptions, GatewayOptions> withArguments, CancellationToken stop)
    {
        var watcher = new ConfigurationWatcher(path, reader, running, problems =>
        {
            foreach (ConfigurationProblem problem in problems)
                Console.Error.WriteLine(problem);
            Console.Error.WriteLine("fleet run: the changed configuration is not taken up; the one before stays in force");
        }, TimeProvider.System);
        await foreach (GatewayOptions changed in watcher.WatchAsync(stop))
            await server.ChangeAsync(withArguments(changed));
    }

    /// <summary>What the command line says on top of the file. Stand-ins join the first pool, or make one where there is none.</summary>
    private static GatewayOptions WithArguments(GatewayOptions options, StandIns? standIns, string? journal)
    {
        if (journal is not null)
            options = options with { Journal = options.Journal with { Path = journal } };
        if (standIns is null)
            return options;
        PoolSection first = options.Pools.Count > 0 ? options.Pools[0] : new PoolSection { Options = new PoolOptions { Name = "local" } };
        first = first with { Instances = [.. first.Instances, .. standIns.Addresses.Select(a => new InstanceSection { Url = a })] };
        return options with { Pools = [first, .. options.Pools.Skip(1)] };
    }

    private static void Announce(GatewayServer server, GatewayOptions options, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { listen = server.Address, admin = server.AdminAddress }));
            return;
        }
        Console.WriteLine($"""
            FleetRouter serves {server.Address}/v1 (also /livez, /readyz, /metrics)
            admin API          {server.AdminAddress}/admin/fleet
            pools              {string.Join(", ", options.Pools.Select(p => $"{p.Options.Name} ({p.Options.Policy}, {(p.Dns is null ? $"{p.Instances.Count} instances" : p.Dns.Name)})"))}
            Ctrl-C stops it; what is in flight is served first.
            """);
    }

    private static void StopWithParent(GatewayServer server) => _ = Task.Run(() =>
    {
        while (Console.In.Read() >= 0)
        {
            // Whatever is typed means nothing; only the end of input does.
        }
        server.Stop();
    });

    private static int Fail(string message)
    {
        Console.Error.WriteLine("fleet run: " + message);
        return 1;
    }
}
