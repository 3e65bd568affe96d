using System.Globalization;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>The gateway with its whole decision path, as <c>./fleet run</c> starts it.</summary>
internal sealed class GatewayProxy : Target
{
    private const string AllocatedMetric = "dotnet_gc_allocated_bytes_total";

    private readonly HttpClient _http;

    private GatewayProxy(string name, PinnedProcess process, Uri address) : base(name, process, address.Port) =>
        _http = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromMinutes(1) };

    public override bool IsCompiledInUse => true;

    public static async Task<GatewayProxy> StartAsync(GatewayVariant variant, BenchEngines engines, string directory, CancellationToken cancellation)
    {
        if (!File.Exists(variant.Program))
            throw new OverheadException($"the gateway is not built: {variant.Program} is missing; start this by ./fleet bench overhead");
        string file = Path.Combine(directory, variant.Name + ".yaml");
        await File.WriteAllTextAsync(file, $$"""
            listen: http://127.0.0.1:0
            admin:
              listen: http://127.0.0.1:0
            pools:
              - name: bench
                policy: least-cost
                maxRequestsPerInstance: 4096
                resume: {{(variant.Resumes ? "true" : "false")}}
                instances:
                  - url: http://127.0.0.1:{{engines.Ports[0]}}
                  - url: http://127.0.0.1:{{engines.Ports[1]}}

            """, cancellation);
        (PinnedProcess process, Uri address) = await PinnedProcess.StartDotnetAsync(
            variant.Name, [variant.Program, "run", "--config", file, "--ready-json", "--exit-with-parent"], variant.Environment, cancellation);
        var proxy = new GatewayProxy(variant.Name, process, address);
        try
        {
            await proxy.ReadyAsync(cancellation);
            return proxy;
        }
        catch
        {
            proxy.Dispose();
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
