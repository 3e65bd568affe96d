using Orleans.Configuration;
using Orleans.Hosting;

namespace FleetRouter.Orleans.Membership;

/// <summary>How soon a cluster misses a member: within two seconds of its death, since until then calls to what it ran hang.</summary>
internal static class TunedMembership
{
    /// <summary>How often a member says that it lives.</summary>
    public static readonly TimeSpan SaysItLives = TimeSpan.FromSeconds(2);

    public static void Apply(ISiloBuilder silo) => silo.Configure<ClusterMembershipOptions>(o =>
    {
        o.ProbeTimeout = TimeSpan.FromMilliseconds(500);
        o.NumMissedProbesLimit = 2;
        o.NumVotesForDeathDeclaration = 1;
        o.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        o.IAmAliveTablePublishTimeout = SaysItLives;
        o.NumMissedTableIAmAliveLimit = 3;
        o.MaxJoinAttemptTime = TimeSpan.FromMinutes(1);
        o.DefunctSiloCleanupPeriod = TimeSpan.FromMinutes(10);
        o.DefunctSiloExpiration = TimeSpan.FromHours(1);
    });
}
