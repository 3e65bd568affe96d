using System.Diagnostics.Metrics;
using System.Net;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using FleetRouter.LoadGen.Demo;
using Microsoft.Extensions.Logging.Abstractions;

namespace FleetRouter.Orleans.Tests;

/// <summary>A silo in this process, on a port of its own.</summary>
internal static class SiloUnderTest
{
    /// <summary>Starts a silo.</summary>
    /// <param name="report">Told every effect of the pools that run there.</param>
    /// <param name="database">The database that knows the members; null for a cluster of one.</param>
    /// <param name="time">The time of the pools' events; null for the wall's.</param>
    /// <param name="budget">How long actors are waited for; by default as long as it takes, since these tests share a machine.</param>
    /// <param name="conversations">What keeps conversations; null for nothing.</param>
    /// <param name="turnMemory">Bytes that turns may take in memory.</param>
    /// <param name="meter">Where its figures are told.</param>
    public static async Task<Silo> StartAsync(Action<string, PoolEffect>? report = null, string? database = null, TimeProvider? time = null, TimeSpan? budget = null,
        IConversations? conversations = null, long turnMemory = 1 << 20, Meter? meter = null)
    {
        TimeSpan patient = budget ?? TimeSpan.FromMinutes(1);
        var options = new ClusterOptions
        {
            Silo = new IPEndPoint(IPAddress.Loopback, LocalPostgres.FreePort()), Database = database, PlacementBudget = budget ?? TimeSpan.FromSeconds(1),
            TurnMemoryBytes = turnMemory, ReadBudget = patient, ReadPatience = TimeSpan.FromMinutes(1), KeepBudget = patient, DeleteBudget = patient,
        };
        var silo = new Silo(options, new HostClock(time ?? TimeProvider.System), meter ?? new Meter("test"), NullLoggerFactory.Instance, report ?? ((_, _) => { }), conversations);
        await silo.OpenAsync();
        return silo;
    }
}
