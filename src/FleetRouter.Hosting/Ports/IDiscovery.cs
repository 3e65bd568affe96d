namespace FleetRouter.Hosting.Ports;

/// <summary>Where a pool's engines are: a fixed list, DNS, an orchestrator.</summary>
public interface IDiscovery
{
    /// <summary>Yields the whole set of engines whenever it changed, the first one as soon as it is known.
    /// A source that cannot be read keeps its last set and reports the trouble through its logger.</summary>
    IAsyncEnumerable<IReadOnlyList<EngineEndpoint>> WatchAsync(CancellationToken cancellation);
}

/// <summary>One engine's address as discovery names it.</summary>
/// <param name="Id">Stable name of the instance within its pool, <c>host:port</c>; what the hashes place by.</param>
/// <param name="Address">Base address, scheme and authority only.</param>
public sealed record EngineEndpoint(string Id, Uri Address)
{
    /// <summary>The endpoint at <paramref name="address"/>, named by its authority.</summary>
    public static EngineEndpoint At(Uri address) => new($"{address.Host}:{address.Port}", new Uri(address.GetLeftPart(UriPartial.Authority)));
}
