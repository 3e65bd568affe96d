namespace FleetRouter.Benchmarks.Overhead;

/// <summary>HAProxy as one would set it before engines: leastconn, connections reused, and <c>http-no-delay</c>, without
/// which it holds small events back.</summary>
internal sealed class HaproxyProxy : Target
{
    private HaproxyProxy(PinnedProcess process, int port) : base(Haproxy, process, port)
    {
    }

    public static async Task<HaproxyProxy> StartAsync(BenchEngines engines, string directory, CancellationToken cancellation)
    {
        int port = FreePort.Next();
        string file = Path.Combine(directory, "haproxy.cfg");
        await File.WriteAllTextAsync(file, $"""
            global
              nbthread 1
              maxconn 8192
            defaults
              mode http
              option http-no-delay
              http-reuse always
              timeout connect 5s
              timeout client 60s
              timeout server 60s
            frontend clients
              bind 127.0.0.1:{port} backlog 4096
              default_backend engines
            backend engines
              balance leastconn
              server a 127.0.0.1:{engines.Ports[0]} pool-max-conn 1024
              server b 127.0.0.1:{engines.Ports[1]} pool-max-conn 1024

            """, cancellation);
        return new HaproxyProxy(await PinnedProcess.StartListeningAsync("HAProxy", Cores.Proxy, "haproxy", ["-db", "-f", file], [port], cancellation), port);
    }
}
