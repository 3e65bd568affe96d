using System.Diagnostics;
using System.Net;
using System.Text.Json;

namespace FleetRouter.Benchmarks.Cluster;

/// <summary>The process that <see cref="ClusterGateway"/> is, as the first gateway reaches it. It ends with this one, however that ends.</summary>
internal sealed class SecondGateway : IDisposable
{
    /// <summary>Its first line.</summary>
    public const string Ready = "ready";

    private readonly Process _process;

    private SecondGateway(Process process) => _process = process;

    /// <exception cref="InvalidOperationException">It did not join; what it said is on standard error.</exception>
    public static async Task<SecondGateway> StartAsync(IPEndPoint silo, string database, CancellationToken stop)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "FleetRouter.Benchmarks.dll");
        var start = new ProcessStartInfo("dotnet", [program, ClusterGateway.Verb, $"{silo}", database]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var gateway = new SecondGateway(Process.Start(start)!);
        try
        {
            string? said = await gateway._process.StandardOutput.ReadLineAsync(stop).AsTask().WaitAsync(TimeSpan.FromMinutes(1), stop);
            return said == Ready ? gateway : throw new InvalidOperationException($"the second gateway did not join the cluster: {said ?? "it ended"}");
        }
        catch
        {
            gateway.Dispose();
            throw;
        }
    }

    /// <summary>Does one window there.</summary>
    public async Task<WindowFigures> RunAsync(Window window, CancellationToken stop)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(window, ClusterGateway.Json).AsMemory(), stop);
        await _process.StandardInput.FlushAsync(stop);
        string line = await _process.StandardOutput.ReadLineAsync(stop).AsTask().WaitAsync(TimeSpan.FromSeconds(window.Seconds + 30), stop)
            ?? throw new InvalidOperationException("the second gateway ended in the middle of a window");
        return JsonSerializer.Deserialize<WindowFigures>(line, ClusterGateway.Json)!;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5_000))
            _process.Kill();
        _process.Dispose();
    }
}
