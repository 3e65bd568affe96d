namespace FleetRouter.Orleans.Wire;

/// <summary>What a gateway tells a pool, in order.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.to-pool")]
internal abstract record ToPool;

/// <summary>A request asks for an instance. Answered by <see cref="PlacedOnWire"/>, at once unless it is held.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.place")]
internal sealed record Place([property: Id(0)] RequestOnWire Request) : ToPool;

/// <summary>An attempt came to no end of the answer; answered as <see cref="Place"/> is.</summary>
/// <param name="Running">The request, where it was: should the pool not know.</param>
/// <param name="Failure">What failed (<see cref="Domain.Fleet.AttemptFailure"/>).</param>
/// <param name="Reason">What happened, in one line.</param>
/// <param name="EmittedTokens">Tokens of the answer the client has.</param>
[GenerateSerializer, Immutable, Alias("fleetrouter.retry")]
internal sealed record Retry(
    [property: Id(0)] RunningOnWire Running, [property: Id(1)] int Failure, [property: Id(2)] string Reason, [property: Id(3)] int EmittedTokens) : ToPool;

/// <summary>A request is at an instance, whatever the pool believes.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.adopt")]
internal sealed record Adopt([property: Id(0)] RunningOnWire Running) : ToPool;

/// <summary>A request was at an instance before the pool began.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.remember")]
internal sealed record Remember([property: Id(0)] RequestOnWire Request, [property: Id(1)] string Instance) : ToPool;

/// <summary>Tokens of an answer passed.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.progress")]
internal sealed record Progress([property: Id(0)] string Id, [property: Id(1)] int OutputTokens, [property: Id(2)] TimeSpan LongestGap) : ToPool;

/// <summary>Carrying a request over ended.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.carried")]
internal sealed record Carried([property: Id(0)] string Id, [property: Id(1)] int EmittedTokens, [property: Id(2)] string? Failure) : ToPool;

/// <summary>Of two attempts one is left (<see cref="Domain.Fleet.HedgeEnd"/>, <see cref="Domain.Fleet.AttemptFailure"/>).</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.hedge-over")]
internal sealed record HedgeOver(
    [property: Id(0)] string Id, [property: Id(1)] int End, [property: Id(2)] int? Failure, [property: Id(3)] string? Reason) : ToPool;

/// <summary>A request is over (<see cref="Domain.Fleet.RequestEnd"/>).</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.over")]
internal sealed record Over([property: Id(0)] string Id, [property: Id(1)] int End, [property: Id(2)] UsageOnWire? Usage) : ToPool;

/// <summary>What a gateway has to tell, all of it since the batch before.</summary>
/// <param name="Gateway">The gateway.</param>
/// <param name="Seat">The seat it took (<see cref="Pools.IPoolGrain.SitAsync"/>); a batch for another is not taken.</param>
/// <param name="Messages">In order; none where it only shows that it lives.</param>
[GenerateSerializer, Immutable, Alias("fleetrouter.batch")]
internal sealed record GatewayBatch([property: Id(0)] string Gateway, [property: Id(1)] Guid Seat, [property: Id(2)] IReadOnlyList<ToPool> Messages);
