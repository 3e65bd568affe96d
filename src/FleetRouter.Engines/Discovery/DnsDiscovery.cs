using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using FleetRouter.Hosting.Ports;
using Microsoft.Extensions.Logging;

namespace FleetRouter.Engines.Discovery;

/// <summary>Every address behind one DNS name, asked again and again: a headless Kubernetes service, a Compose service.</summary>
/// <remarks>All A and AAAA records count, in address order, IPv4 first, so that two gateways see the same list. A name that
/// cannot be resolved, or resolves to nothing, keeps the last set: whether those engines still live is the probes' to say.</remarks>
public sealed partial class DnsDiscovery : IDiscovery
{
    private static readonly TimeSpan LongestLookup = TimeSpan.FromSeconds(10);

    private readonly DnsName _name;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly Func<double> _jitter;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    /// <summary>Watches <paramref name="name"/>.</summary>
    /// <param name="name">What to resolve, and how to reach what it resolves to.</param>
    /// <param name="log">Where a lookup that fails, and one that succeeds again, is told.</param>
    /// <param name="time">The clock of the interval; the system's unless given.</param>
    /// <param name="resolve">Resolves a name to addresses; the operating system's resolver unless given.</param>
    /// <param name="jitter">Yields numbers from 0 to 1 that spread lookups over ±10% of the interval, so that gateways
    /// started together do not ask together.</param>
    public DnsDiscovery(DnsName name, ILogger log, TimeProvider? time = null,
        Func<string, CancellationToken, Task<IPAddress[]>>? resolve = null, Func<double>? jitter = null)
    {
        _name = name;
        _log = log;
        _time = time ?? TimeProvider.System;
        _resolve = resolve ?? Dns.GetHostAddressesAsync;
        _jitter = jitter ?? Random.Shared.NextDouble;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyList<EngineEndpoint>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        IReadOnlyList<EngineEndpoint> last = [];
        string? trouble = null;
        while (true)
        {
            var (found, failure) = await LookUpAsync(cancellation).ConfigureAwait(false);
            if (failure is not null && failure != trouble) LookupFailed(_name.Name, failure, last.Count);
            if (failure is null && trouble is not null) LookupSucceeded(_name.Name, found.Count);
            trouble = failure;
            if (failure is null && !found.SequenceEqual(last))
            {
                last = found;
                yield return found;
            }
            await Task.Delay(_name.Interval * (0.9 + 0.2 * _jitter()), _time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<(IReadOnlyList<EngineEndpoint> Found, string? Failure)> LookUpAsync(CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(LongestLookup, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            var addresses = await _resolve(_name.Name, either.Token).ConfigureAwait(false);
            var found = addresses
                .Select(address => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)
                .Where(address => !address.IsIPv6LinkLocal) // means nothing off the resolver's own wire
                .Distinct()
                .OrderBy(address => address.AddressFamily == AddressFamily.InterNetworkV6)
                .ThenBy(address => Convert.ToHexString(address.GetAddressBytes()), StringComparer.Ordinal)
                .Select(address => EngineEndpoint.At(new UriBuilder(_name.Scheme, address.ToString(), _name.Port).Uri))
                .ToList();
            return found.Count > 0 ? (found, null) : ([], "the name has no address");
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            return ([], $"no answer within {LongestLookup.TotalSeconds:0} s");
        }
        catch (Exception failure) when (failure is SocketException or ArgumentException)
        {
            return ([], failure.Message.ReplaceLineEndings(" "));
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "DNS name {Name} cannot be resolved: {Trouble}; keeping its last {Count} engines")]
    private partial void LookupFailed(string name, string trouble, int count);

    [LoggerMessage(2, LogLevel.Information, "DNS name {Name} resolves again, to {Count} engines")]
    private partial void LookupSucceeded(string name, int count);
}
