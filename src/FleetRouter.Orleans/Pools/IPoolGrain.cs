using Orleans.Concurrency;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Pools;

/// <summary>One pool of the fleet: its key is the pool's name, its activation the only one that decides.</summary>
[Alias("fleetrouter.pool")]
internal interface IPoolGrain : IGrainWithStringKey
{
    /// <summary>A gateway takes a seat.</summary>
    /// <param name="gateway">Its name, its own among all and as long as it runs.</param>
    /// <param name="seat">Names the seat: the pool may have something to tell before this answer has come.</param>
    /// <param name="address">Where it is told what it did not ask for.</param>
    /// <param name="requests">Ids of all the requests it has dispatched; the pool forgets the others it knew from it.</param>
    [Alias("sit"), AlwaysInterleave]
    Task<Seated> SitAsync(string gateway, Guid seat, IGatewayObserver address, IReadOnlyList<string> requests);

    /// <summary>Takes what a gateway has to tell, and answers what can be answered at once: a question without an answer is held, and answered later.</summary>
    [Alias("exchange")]
    Task<PoolReply> ExchangeAsync(GatewayBatch batch);

    /// <summary>A gateway stops; what it had is over.</summary>
    [Alias("leave")]
    Task LeaveAsync(string gateway);

    /// <summary>What came of probes.</summary>
    [Alias("report")]
    Task ReportAsync(IReadOnlyList<ProbeOnWire> probes);

    /// <summary>Has an instance emptied, or takes that back.</summary>
    /// <returns>The instance after that, as the admin API's JSON; null if the pool has none of that name.</returns>
    [Alias("drain"), AlwaysInterleave]
    Task<byte[]?> DrainAsync(string instance, bool drains, TimeSpan within, TimeSpan wait);

    /// <summary>The pool's state, as the admin API's JSON.</summary>
    [Alias("describe"), AlwaysInterleave]
    Task<byte[]> DescribeAsync();
}

/// <summary>A gateway as pools reach it.</summary>
[Alias("fleetrouter.gateway")]
internal interface IGatewayObserver : IGrainObserver
{
    /// <summary>Takes what a pool tells it unasked, in order.</summary>
    [Alias("take")]
    Task TakeAsync(Guid seat, IReadOnlyList<ToGateway> messages);
}
