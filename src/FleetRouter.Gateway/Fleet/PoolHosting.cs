using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting;
#if ORLEANS
using FleetRouter.Orleans;
#endif

namespace FleetRouter.Gateway.Fleet;

/// <summary>Where the pools run: in this process, or in the cluster that the configuration names. The one place that knows of both.</summary>
internal static class PoolHosting
{
    /// <exception cref="IOException">The configuration names a cluster, and this build has none.</exception>
    public static IPools Of(ClusterSection cluster, GatewayDatabase? database, HostClock clock, Meter meter, ILoggerFactory logs, Action<string, PoolEffect> report)
    {
        if (cluster.Silo is not { } at)
            return new EmbeddedPools(clock, report);
#if ORLEANS
        var member = new ClusterOptions { Silo = Own(at), Id = cluster.Name, Database = database?.Address.OfSchema(), PlacementBudget = cluster.PlacementBudget };
        return new FleetRouter.Orleans.Silo(member, clock, meter, logs, report);
#else
        throw new IOException($"cluster.silo is {at}, but this build has no cluster: no NuGet source it was built from has Orleans; leave cluster.silo out, or build where the packages restore");
#endif
    }

    /// <summary>The address itself, or for 0.0.0.0 the one that this machine is reached at.</summary>
    internal static IPEndPoint Own(IPEndPoint at)
    {
        if (!at.Address.Equals(IPAddress.Any) && !at.Address.Equals(IPAddress.IPv6Any))
            return at;
        IPAddress[] own = [.. Dns.GetHostAddresses(Dns.GetHostName(), at.AddressFamily).Where(a => !IPAddress.IsLoopback(a))];
        return new IPEndPoint(own.FirstOrDefault() ?? (at.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback), at.Port);
    }
}
