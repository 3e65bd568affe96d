using Orleans.Configuration;
using Orleans.Hosting;

namespace FleetRouter.Orleans.Membership;

/// <summary>How soon a cluster misses a member: within two seconds of its death, since until then calls to what it ran hang.</summary>
internal static class TunedMembership
{
    public static void Apply(ISiloBuilder silo) => silo.Configure<ClusterMembershipOptions>(o =>
    {
        o.ProbeTimeout = TimeSpan.FromMilliseconds(500);
        o.NumMissedProbesLimit = 2;
        o.NumVotesForDeathDeclaration = 1;
        o.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        // Members of a cluster that was killed whole still stand in the table: who has not written for three times this long holds nobody up.
        o.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(2);
        o.NumMissedTableIAmAliveLimit = 3;
        o.MaxJoinAttemptTime = TimeSpan.FromMinutes(1);
        o.DefunctSiloCleanupPeriod = TimeSpan.FromMinutes(10);
        o.DefunctSiloExpiration = TimeSpan.FromHours(1);
    });
}
