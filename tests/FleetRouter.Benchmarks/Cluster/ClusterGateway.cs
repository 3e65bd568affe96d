using System.CommandLine;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using FleetRouter.Benchmarks.Decide;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>The second gateway, a process of its own: joins the cluster, then does the windows it is told, one line of JSON each, until its
/// standard input closes.</summary>
internal static class ClusterGateway
{
    public const string Verb = "cluster-gateway";

    /// <summary>Both processes' lines.</summary>
    public static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    public static Command Command()
    {
        var silo = new Argument<string>("SILO");
        var database = new Argument<string>("DATABASE");
        var command = new Command(Verb, "Be the second gateway of ./fleet bench cluster, until standard input closes.") { silo, database };
        command.Hidden = true;
        command.SetAction((parsed, stop) => RunAsync(IPEndPoint.Parse(parsed.GetValue(silo)!), parsed.GetValue(database)!, stop));
        return command;
    }

    /// <summary>A member of the benchmark's cluster, under the options a gateway has by default.</summary>
    public static async Task<FleetRouter.Orleans.Silo> JoinAsync(IPEndPoint at, string database, Action<string, PoolEffect> report)
    {
        var silo = new FleetRouter.Orleans.Silo(new FleetRouter.Orleans.ClusterOptions { Silo = at, Database = database }, new HostClock(TimeProvider.System), new Meter("bench"), NullLoggerFactory.Instance, report);
        await silo.OpenAsync();
        return silo;
    }

    private static async Task<int> RunAsync(IPEndPoint at, string database, CancellationToken stop)
    {
        var gateway = new BenchGateway("b", PromptSource.Open(), isOdd: true);
        await using FleetRouter.Orleans.Silo silo = await JoinAsync(at, database, gateway.Report);
        IPool pool = await silo.StartAsync(new BenchFleet().Setup());
        await BenchFleet.ReadyAsync(pool, stop);
        Console.WriteLine(SecondGateway.Ready);
        while (await Console.In.ReadLineAsync(stop) is { } line)
            Console.WriteLine(JsonSerializer.Serialize(await gateway.RunAsync(pool, JsonSerializer.Deserialize<Window>(line, Json)!, stop), Json));
        return 0;
    }
}
