using System.Globalization;
using System.Text.Json;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>The gateway with its whole decision path, as <c>./fleet run</c> starts it.</summary>
internal sealed class GatewayProxy : Target
{
    private const string AllocatedMetric = "dotnet_gc_allocated_bytes_total";

    /// <summary>Time the runtime waits for calm before it looks for hot code. Without the wait the same code is reached within
    /// half a minute on a busy core; with it, within some minutes.</summary>
    private const string CompileSooner = "DOTNET_TC_CallCountingDelayMs";

    private readonly HttpClient _http;

    private GatewayProxy(string name, PinnedProcess process, Uri address) : base(name, process, address.Port) =>
        _http = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromMinutes(1) };

    public static async Task<GatewayProxy> StartAsync(GatewayVariant variant, BenchEngines engines, string directory, CancellationToken cancellation)
    {
        if (!File.Exists(variant.Program))
            throw new OverheadException($"the gateway is not built: {variant.Program} is missing; start this by ./fleet bench overhead");
        string file = Path.Combine(directory, "gateway.yaml");
        await File.WriteAllTextAsync(file, $"""
            listen: http://127.0.0.1:0
            admin:
              listen: http://127.0.0.1:0
            pools:
              - name: bench
                policy: least-cost
                maxRequestsPerInstance: 4096
                instances:
                  - url: http://127.0.0.1:{engines.Ports[0]}
                  - url: http://127.0.0.1:{engines.Ports[1]}

            """, cancellation);
        PinnedProcess process = PinnedProcess.Start(
            Cores.Proxy, "dotnet", [variant.Program, "run", "--config", file, "--ready-json", "--exit-with-parent"],
            new Dictionary<string, string>(variant.Environment) { [CompileSooner] = "0" });
        try
        {
            var ready = JsonDocument.Parse(await process.AddressLine.WaitAsync(TimeSpan.FromSeconds(30), cancellation));
            var proxy = new GatewayProxy(variant.Name, process, new Uri(ready.RootElement.GetProperty("listen").GetString()!));
            await proxy.ReadyAsync(cancellation);
            return proxy;
        }
        catch (Exception e) when (e is TimeoutException or JsonException or KeyNotFoundException)
        {
            process.Dispose();
            throw new OverheadException($"{variant.Name} did not start: {process.LastWords}");
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    public override async Task<long?> AllocatedBytesAsync(CancellationToken cancellation)
    {
        using HttpResponseMessage answer = await _http.GetAsync("/metrics", cancellation);
        if (!answer.IsSuccessStatusCode)
            return null;
        string[] samples = [.. (await answer.Content.ReadAsStringAsync(cancellation)).Split('\n')
            .Where(l => l.StartsWith(AllocatedMetric + " ", StringComparison.Ordinal) || l.StartsWith(AllocatedMetric + "{", StringComparison.Ordinal))];
        return samples.Length == 0 ? null : (long)samples.Sum(l => double.Parse(l[(l.IndexOf('}') + 1)..].Replace(AllocatedMetric, "").Trim().Split(' ')[0], CultureInfo.InvariantCulture));
    }

    public override void Dispose()
    {
        _http.Dispose();
        base.Dispose();
    }

    /// <summary>Waits, for at most a minute, until the engines are known to be ready.</summary>
    private async Task ReadyAsync(CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        try
        {
            while (true)
            {
                using HttpResponseMessage answer = await _http.GetAsync("/readyz", patience.Token);
                if (answer.IsSuccessStatusCode)
                    return;
                await Task.Delay(50, patience.Token);
            }
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new OverheadException($"{Name} did not find the engines ready: {Process!.LastWords}");
        }
    }
}
