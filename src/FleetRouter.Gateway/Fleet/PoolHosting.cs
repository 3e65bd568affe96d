using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
#if ORLEANS
using FleetRouter.Orleans;
#endif

namespace FleetRouter.Gateway.Fleet;

/// <summary>Where the pools run, and who is asked for conversations: this process, or the cluster that the configuration names. The one place that knows of both.</summary>
internal static class PoolHosting
{
    /// <exception cref="IOException">The configuration names a cluster, and this build has none.</exception>
    public static IPools Of(GatewayOptions options, GatewayDatabase? database, HostClock clock, Meter meter, ILoggerFactory logs, Action<string, PoolEffect> report)
    {
        ClusterSection cluster = options.Cluster;
        if (cluster.Silo is not { } at)
            return new EmbeddedPools(clock, report);
#if ORLEANS
        var member = new ClusterOptions
        {
            Silo = Own(at), Id = cluster.Name, Database = database?.Address.OfSchema(), PlacementBudget = cluster.PlacementBudget, TurnMemoryBytes = options.Responses.MemoryBytes,
        };
        return new FleetRouter.Orleans.Silo(member, clock, meter, logs, report, database?.Conversations);
#else
        throw new IOException($"cluster.silo is {at}, but this build has no cluster: no NuGet source it was built from has Orleans; leave cluster.silo out, or build where the packages restore");
#endif
    }

    /// <summary>Conversations as all gateways on the database share them.</summary>
    public static IConversations Conversations(IPools pools, GatewayDatabase database)
    {
#if ORLEANS
        if (pools is FleetRouter.Orleans.Silo { Conversations: { } ofCluster })
            return ofCluster;
#endif
        return database.Conversations;
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
