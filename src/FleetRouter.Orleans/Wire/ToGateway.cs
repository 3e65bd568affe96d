using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Health;
using FleetRouter.Hosting;

namespace FleetRouter.Orleans.Wire;

/// <summary>What a pool tells a gateway.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.to-gateway")]
internal abstract record ToGateway;

/// <summary>Where a request goes, or why nowhere.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.placed")]
internal sealed record PlacedOnWire : ToGateway
{
    [Id(0)] public required string RequestId { get; init; }
    [Id(1)] public string? Instance { get; init; }
    [Id(2)] public Uri? Address { get; init; }
    [Id(3)] public int Attempt { get; init; }
    [Id(4)] public TimeSpan FirstToken { get; init; }
    [Id(5)] public TimeSpan NextToken { get; init; }
    [Id(6)] public int RefusalKind { get; init; }
    [Id(7)] public string? RefusalReason { get; init; }
    [Id(8)] public string? RefusalMessage { get; init; }
    [Id(9)] public TimeSpan? RetryAfter { get; init; }

    internal static PlacedOnWire Of(string requestId, Placement p) => new()
    {
        RequestId = requestId, Instance = p.Instance, Address = p.Address, Attempt = p.Attempt, FirstToken = p.Patience.FirstToken, NextToken = p.Patience.NextToken,
        RefusalKind = (int)(p.Refusal?.Kind ?? default), RefusalReason = p.Refusal?.Reason, RefusalMessage = p.Refusal?.Message, RetryAfter = p.Refusal?.RetryAfter,
    };

    internal Placement ToPlacement() => new(Instance, Address,
        RefusalReason is null ? null : new Refusal((RefusalKind)RefusalKind, RefusalReason, RefusalMessage ?? "", RetryAfter), Attempt)
    {
        Patience = new Patience(FirstToken, NextToken),
    };
}

/// <summary>The pool wants a request that is under way elsewhere, or elsewhere too (<see cref="CarryOver"/>).</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.wanted")]
internal sealed record Wanted(
    [property: Id(0)] string From, [property: Id(1)] PlacedOnWire To, [property: Id(2)] bool AtOnce, [property: Id(3)] bool IsHedge) : ToGateway;

/// <summary>What gateways need to place requests themselves while the pool does not answer.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.snapshot")]
internal sealed record SnapshotOnWire : ToGateway
{
    [Id(0)] public required IReadOnlyList<ModelOnWire> Models { get; init; }
    [Id(1)] public bool Awaiting { get; init; }
    [Id(2)] public required IReadOnlyList<InstanceOnWire> Instances { get; init; }
    [Id(3)] public double BytesPerToken { get; init; }

    internal static SnapshotOnWire Of(PoolSnapshot s, Func<string, Uri?> addressOf) => new()
    {
        Models = [.. s.Served.Models.Select(m => new ModelOnWire(m.Name, m.ReadyInstances))],
        Awaiting = s.Served.Awaiting,
        Instances = [.. s.Instances.Select(i => new InstanceOnWire(i.Id, addressOf(i.Id)!, i.Models, i.Requests, i.PendingPrefillTokens, i.PrefillTokensPerSecond,
            i.Patience.FirstToken, i.Patience.NextToken))],
        BytesPerToken = s.BytesPerToken,
    };

    internal PoolSnapshot ToSnapshot() => new(new ServedModels([.. Models.Select(m => new ServedModel(m.Name, m.ReadyInstances))], Awaiting),
        [.. Instances.Select(i => new InstanceSnapshot(i.Id, i.Models, i.Requests, i.PendingPrefillTokens, i.PrefillTokensPerSecond, new Patience(i.FirstToken, i.NextToken)))],
        BytesPerToken);
}

/// <summary>One model of a pool.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.model")]
internal readonly record struct ModelOnWire([property: Id(0)] string Name, [property: Id(1)] int ReadyInstances);

/// <summary>One instance that takes work.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.instance")]
internal sealed record InstanceOnWire(
    [property: Id(0)] string Id, [property: Id(1)] Uri Address, [property: Id(2)] IReadOnlyList<string> Models, [property: Id(3)] int Requests,
    [property: Id(4)] long PendingPrefillTokens, [property: Id(5)] double PrefillTokensPerSecond, [property: Id(6)] TimeSpan FirstToken, [property: Id(7)] TimeSpan NextToken);

/// <summary>A gateway's place at a pool.</summary>
/// <param name="Unknown">Of the requests that the gateway named those the pool does not know.</param>
/// <param name="Snapshot">The pool as it is.</param>
/// <param name="IsNew">Whether the pool never heard of this gateway: it is then to be told what the gateway remembers.</param>
[GenerateSerializer, Immutable, Alias("fleetrouter.seated")]
internal sealed record Seated(
    [property: Id(0)] IReadOnlyList<string> Unknown, [property: Id(1)] SnapshotOnWire Snapshot, [property: Id(2)] bool IsNew);

/// <summary>The answer to a batch.</summary>
/// <param name="Taken">False where the pool does not know the seat: the gateway is to take one anew.</param>
/// <param name="Messages">What came of it at once.</param>
[GenerateSerializer, Immutable, Alias("fleetrouter.reply")]
internal sealed record PoolReply([property: Id(0)] bool Taken, [property: Id(1)] IReadOnlyList<ToGateway> Messages);
