using System.Globalization;
using System.Text;
using System.Text.Json;
using FleetRouter.LoadGen.Client;

namespace FleetRouter.LoadGen.Demo;

/// <summary>Engine stand-ins to start, all alike.</summary>
/// <param name="Count">How many.</param>
/// <param name="Profile">Name of their engine profile.</param>
/// <param name="KvBlocks">Blocks of 16 tokens in each one's KV cache; null for the profile's own.</param>
/// <param name="Model">Name of the model they serve.</param>
/// <param name="TimeScale">Engine seconds in a second of the wall clock.</param>
/// <param name="Seed">Seed of their answers' own lengths.</param>
internal sealed record StandIns(int Count, string Profile, int? KvBlocks, string Model = "sim/llama-3.1-8b", double TimeScale = 1, ulong Seed = 1);

/// <summary>Fresh engine stand-ins with a gateway in front of them, placing by one policy.</summary>
internal sealed class DemoFleet : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ChildProcess _engines, _gateway;

    private DemoFleet(ChildProcess engines, ChildProcess gateway, Target target, Uri admin, IReadOnlyList<Uri> addresses) =>
        (_engines, _gateway, Target, Admin, Addresses) = (engines, gateway, target, admin, addresses);

    public Target Target { get; }

    /// <summary>The gateway's admin API.</summary>
    public Uri Admin { get; }

    /// <summary>Base address of each engine.</summary>
    public IReadOnlyList<Uri> Addresses { get; }

    /// <summary>host:port of each engine, its name as an instance.</summary>
    public IReadOnlyList<string> Instances => [.. Addresses.Select(address => address.Authority)];

    /// <param name="policy">How the gateway places.</param>
    /// <param name="sloTtft">What it is told of the promise.</param>
    /// <param name="standIns">The engines.</param>
    /// <param name="stop">Ends the start.</param>
    /// <param name="engineSilence">The longest silence of an engine that the gateway bears (upstream.activityTimeout); null for its default.</param>
    /// <param name="poolOptions">Further options of the pool, as in the configuration's file.</param>
    /// <exception cref="UsageException">A child is not built, does not start, or is not ready in time.</exception>
    public static async Task<DemoFleet> Start(string policy, TimeSpan sloTtft, StandIns standIns, CancellationToken stop, TimeSpan? engineSilence = null, params IEnumerable<string> poolOptions)
    {
        ChildProcess? engines = null, gateway = null;
        try
        {
            engines = StartEngines(standIns);
            var ready = await engines.Ready(Patience, stop);
            Uri[] addresses = [.. ready.GetProperty("engines").EnumerateArray().Select(url => new Uri(url.GetString()!))];

            var configuration = Path.Combine(Path.GetTempPath(), $"fleet-demo-{Guid.NewGuid():N}.yaml");
            await File.WriteAllTextAsync(configuration, Configuration(policy, sloTtft, addresses, engineSilence: engineSilence, poolOptions: poolOptions), stop);
            try
            {
                gateway = ChildProcess.Start("the gateway", Dotnet, Sibling("FleetRouter.Gateway"), "run", "--config", configuration, "--ready-json", "--exit-with-parent");
                var addressesOfGateway = await gateway.Ready(Patience, stop);
                var listen = new Uri(addressesOfGateway.GetProperty("listen").GetString()!);
                var admin = new Uri(addressesOfGateway.GetProperty("admin").GetString()!);
                await UntilReady(listen, gateway, stop);
                var target = await Target.Find(listen, ready.GetProperty("model").GetString()!, null, stop);
                return new DemoFleet(engines, gateway, target, admin, addresses);
            }
            finally { File.Delete(configuration); }
        }
        catch (Exception wrong)
        {
            await End(gateway, engines);
            if (wrong is KeyNotFoundException or InvalidOperationException or UriFormatException or JsonException)
                throw new UsageException($"a child's ready line lacks an address: {wrong.Message}");
            throw;
        }
    }

    internal static ChildProcess StartEngines(StandIns standIns)
    {
        List<string> arguments = ["--count", Text(standIns.Count), "--port", "0", "--profile", standIns.Profile, "--model", standIns.Model,
            "--time-scale", standIns.TimeScale.ToString(CultureInfo.InvariantCulture), "--seed", standIns.Seed.ToString(CultureInfo.InvariantCulture), "--ready-json", "--exit-with-parent"];
        if (standIns.KvBlocks is { } blocks) arguments.AddRange(["--kv-blocks", Text(blocks)]);
        return ChildProcess.Start("the engine stand-ins", Dotnet, [Sibling("FleetRouter.EngineSim"), .. arguments]);
    }

    /// <summary>Says why a child ended during the run; null while both live.</summary>
    public string? Trouble() =>
        _engines.HasExited ? $"the engine stand-ins ended during the run{_engines.Said()}"
        : _gateway.HasExited ? $"the gateway ended during the run{_gateway.Said()}" : null;

    /// <summary>The name of the fleet's one pool.</summary>
    public const string Pool = "demo";

    // The gateway is told the SLO it is judged by.
    internal static string Configuration(string policy, TimeSpan sloTtft, IEnumerable<Uri> engines, string listen = "http://127.0.0.1:0", TimeSpan? engineSilence = null, params IEnumerable<string> poolOptions)
    {
        var yaml = new StringBuilder($"listen: {listen}\nadmin:\n  listen: http://127.0.0.1:0\n");
        if (engineSilence is { } silence) yaml.Append(CultureInfo.InvariantCulture, $"upstream:\n  activityTimeout: {silence.TotalSeconds}s\n");
        yaml.Append("pools:\n");
        yaml.Append(CultureInfo.InvariantCulture, $"  - name: {Pool}\n");
        yaml.Append(CultureInfo.InvariantCulture, $"    policy: {policy}\n    ttftSlo: {sloTtft.TotalMilliseconds}ms\n");
        foreach (var option in poolOptions) yaml.Append(CultureInfo.InvariantCulture, $"    {option}\n");
        yaml.Append("    instances:\n");
        foreach (var engine in engines) yaml.Append(CultureInfo.InvariantCulture, $"      - url: {engine.GetLeftPart(UriPartial.Authority)}\n");
        return yaml.ToString();
    }

    // The gateway listens before it has heard from its engines.
    internal static async Task UntilReady(Uri listen, ChildProcess gateway, CancellationToken stop)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = listen, Timeout = TimeSpan.FromSeconds(5) };
        using var patience = new CancellationTokenSource(Patience);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stop);
        try
        {
            while (true)
            {
                if (gateway.HasExited) throw new UsageException($"the gateway ended before it was ready{gateway.Said()}");
                using var answer = await http.GetAsync("/readyz", either.Token);
                if (answer.IsSuccessStatusCode) return;
                await Task.Delay(TimeSpan.FromMilliseconds(50), either.Token);
            }
        }
        catch (HttpRequestException wrong) { throw new UsageException($"the gateway does not answer at {listen}: {wrong.Message}{gateway.Said()}"); }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new UsageException($"the gateway was not ready within {Patience.TotalSeconds:0} s{gateway.Said()}");
        }
    }

    /// <exception cref="UsageException">That project was not built beside this one.</exception>
    internal static string Sibling(string project)
    {
        // artifacts/bin/<Project>/release/
        var configuration = new DirectoryInfo(AppContext.BaseDirectory);
        var path = Path.Combine(configuration.Parent!.Parent!.FullName, project, configuration.Name, project + ".dll");
        return File.Exists(path) ? path : throw new UsageException($"{path} is missing; ./fleet demo builds it");
    }

    internal static string Dotnet =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task End(params ChildProcess?[] children)
    {
        foreach (var child in children)
            if (child is not null) await child.DisposeAsync();
    }

    public async ValueTask DisposeAsync() => await End(_gateway, _engines);
}
