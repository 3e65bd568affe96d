using System.Runtime.CompilerServices;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Engines.Discovery;

/// <summary>Engines at addresses written in the configuration.</summary>
/// <param name="addresses">Base addresses, scheme and authority; the same engine given twice counts once.</param>
public sealed class StaticDiscovery(IEnumerable<Uri> addresses) : IDiscovery
{
    private readonly EngineEndpoint[] _engines = [.. addresses.Select(EngineEndpoint.At).DistinctBy(engine => engine.Id)];

    /// <summary>Yields the engines once, in the order given, and then nothing until cancelled.</summary>
    public async IAsyncEnumerable<IReadOnlyList<EngineEndpoint>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return _engines;
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false);
    }
}
