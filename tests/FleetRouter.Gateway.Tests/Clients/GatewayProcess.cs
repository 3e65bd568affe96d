using System.Text.Json;
using FleetRouter.LoadGen.Demo;
using FleetRouter.Storage;

namespace FleetRouter.Gateway.Tests.Clients;

/// <summary>A gateway as a process of its own, which can be killed.</summary>
internal sealed class GatewayProcess : IAsyncDisposable
{
    private const int MostStarts = 3;
    private const string Connection = "FLEETROUTER_TEST_DATABASE";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1), Look = TimeSpan.FromMilliseconds(20);

    private readonly ChildProcess _process;
    private readonly string _file;

    private GatewayProcess(ChildProcess process, string file) => (_process, _file) = (process, file);

    private static readonly DirectoryInfo Outputs = new(AppContext.BaseDirectory);

    /// <summary>The program that this build made.</summary>
    public static string OfThisBuild { get; } = Program(Outputs.Parent!.Parent!.FullName, Outputs.Name);

    /// <summary>The address it serves at.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>The operators' address.</summary>
    public Uri Admin { get; private set; } = null!;

    /// <summary>The process's number.</summary>
    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The program in a folder of builds' outputs.</summary>
    public static string Program(string outputs, string configuration) => Path.Combine(outputs, "FleetRouter.Gateway", configuration, "FleetRouter.Gateway.dll");

    /// <summary>Starts a gateway; when this returns it listens. A member of a cluster that gets no CPU for a second as it starts is voted dead, and is then started again
    /// as whatever runs it would do.</summary>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="program">The program.</param>
    /// <param name="database">The database, which need not be in the configuration.</param>
    /// <param name="yaml">The rest of the configuration, made anew for each start.</param>
    public static async Task<GatewayProcess> StartAsync(string name, string program, DatabaseAddress database, Func<string> yaml)
    {
        for (int starts = 1; ; starts++)
        {
            string file = Path.GetTempFileName();
            await File.WriteAllTextAsync(file, Whole(yaml()));
            var process = ChildProcess.Start(name, "dotnet", new Dictionary<string, string> { [Connection] = database.Single() },
                [program, "run", "--config", file, "--ready-json", "--exit-with-parent"]);
            var gateway = new GatewayProcess(process, file);
            try
            {
                JsonElement ready = await process.Ready(Patience, CancellationToken.None);
                (gateway.Address, gateway.Admin) = (new Uri(ready.GetProperty("listen").GetString()!), new Uri(ready.GetProperty("admin").GetString()!));
                return gateway;
            }
            catch (Exception e)
            {
                await gateway.DisposeAsync();
                if (starts == MostStarts || !e.Message.Contains("told I am dead", StringComparison.Ordinal))
                    throw;
            }
        }
    }

    /// <summary>Gives it another configuration, which it takes up by itself.</summary>
    public Task ChangeAsync(string yaml) => File.WriteAllTextAsync(_file, Whole(yaml));

    /// <summary>Waits until it serves.</summary>
    public async Task UntilReadyAsync(HttpClient http)
    {
        using var late = new CancellationTokenSource(Patience);
        while (true)
        {
            Assert.False(_process.HasExited || late.IsCancellationRequested, $"it is not ready{_process.Said()}");
            using HttpResponseMessage answer = await http.GetAsync(new Uri(Address, "/readyz"));
            if (answer.IsSuccessStatusCode)
                return;
            await Task.Delay(Look);
        }
    }

    /// <summary>Ends it as SIGKILL does.</summary>
    public Task KillAsync() => _process.Kill();

    /// <summary>Tells it to end, as SIGTERM does; returns when it is gone.</summary>
    public Task StopAsync() => _process.Terminate().WaitAsync(Patience);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        File.Delete(_file);
    }

    private static string Whole(string yaml) => $"""
        listen: http://127.0.0.1:0
        admin:
          listen: http://127.0.0.1:0
        log:
          level: warning
        database:
          connectionString: env:{Connection}
          connections: 4
        {yaml}
        """;
}
