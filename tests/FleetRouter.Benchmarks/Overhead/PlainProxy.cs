namespace FleetRouter.Benchmarks.Overhead;

/// <summary><see cref="PlainForwarder"/> in a process of its own, under the runtime's settings the gateway runs under.</summary>
internal sealed class PlainProxy : Target
{
    private static readonly Dictionary<string, string> AsTheGateway = new()
    {
        ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1",
        ["DOTNET_gcServer"] = "1",
    };

    private PlainProxy(PinnedProcess process, Uri address) : base(Plain, process, address.Port)
    {
    }

    public override bool IsCompiledInUse => true;

    public static async Task<PlainProxy> StartAsync(BenchEngines engines, CancellationToken cancellation)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "FleetRouter.Benchmarks.dll");
        (PinnedProcess process, Uri address) = await PinnedProcess.StartDotnetAsync(
            Plain, [program, PlainForwarder.Verb, .. engines.Ports.Select(port => $"http://127.0.0.1:{port}")], AsTheGateway, cancellation);
        return new PlainProxy(process, address);
    }
}
