namespace FleetRouter.Benchmarks.Overhead;

/// <summary>What a client may talk to: the engines themselves, or a proxy before them.</summary>
internal abstract class Target(string name, PinnedProcess? process, int port) : IDisposable
{
    public const string Direct = "direct", Nginx = "nginx", Haproxy = "haproxy", Plain = "plain-yarp", Gateway = "gateway", GatewayWithoutResume = "no-resume";

    public string Name => name;

    /// <summary>The proxy; null for the engines themselves.</summary>
    public PinnedProcess? Process => process;

    public int Port => port;

    /// <summary>Bytes a whole stream takes on the wire, headers and framing included; measured before the first window.</summary>
    public int StreamBytes { get; set; }

    /// <summary>Whether the proxy's code is compiled anew while it is used, so that it has to be used before it is measured.</summary>
    public virtual bool IsCompiledInUse => false;

    /// <summary>Bytes allocated on the managed heap so far; null where there is none or it is not told.</summary>
    public virtual Task<long?> AllocatedBytesAsync(CancellationToken cancellation) => Task.FromResult<long?>(null);

    public virtual void Dispose() => process?.Dispose();
}

/// <summary>No proxy: the first engine.</summary>
internal sealed class NoProxy(BenchEngines engines) : Target(Direct, null, engines.Ports[0]);
