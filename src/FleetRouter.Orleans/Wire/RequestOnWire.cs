using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Orleans.Wire;

/// <summary>A request as one silo tells another. Fields are added at the end and never change their number or meaning: two builds share a cluster
/// while it is upgraded. What a build does not know it passes over, what it is not told has its default.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.request")]
internal sealed record RequestOnWire
{
    [Id(0)] public required string Id { get; init; }
    [Id(1)] public string? ClientId { get; init; }
    [Id(2)] public required string Gateway { get; init; }
    [Id(3)] public required string Model { get; init; }
    [Id(4)] public int Api { get; init; }
    [Id(5)] public BlocksOnWire Blocks { get; init; }
    [Id(6)] public int Bytes { get; init; }
    [Id(7)] public ulong TailHash { get; init; }
    [Id(8)] public int? PromptTokens { get; init; }
    [Id(9)] public int? MaxOutputTokens { get; init; }
    [Id(10)] public string? SessionId { get; init; }
    [Id(11)] public string? Home { get; init; }
    [Id(12)] public int PriorTurns { get; init; }
    [Id(13)] public int PriorBlocks { get; init; }
    [Id(14)] public bool HasTools { get; init; }
    [Id(15)] public int Priority { get; init; }
    [Id(16)] public bool CanMove { get; init; } = true;
    [Id(17)] public bool CanHedge { get; init; } = true;

    internal static RequestOnWire Of(PlacementRequest r, string gateway) => new()
    {
        Id = r.Id, ClientId = r.ClientId, Gateway = gateway, Model = r.Model, Api = (int)r.Api, Blocks = new(r.Prompt.Hashes), Bytes = r.Prompt.Bytes,
        TailHash = r.Prompt.TailHash, PromptTokens = r.PromptTokens, MaxOutputTokens = r.MaxOutputTokens, SessionId = r.SessionId, Home = r.Home,
        PriorTurns = r.PriorTurns, PriorBlocks = r.PriorBlocks, HasTools = r.HasTools, Priority = r.Priority, CanMove = r.CanMove, CanHedge = r.CanHedge,
    };

    internal PlacementRequest ToRequest() => new()
    {
        Id = Id, ClientId = ClientId, Gateway = Gateway, Model = Model, Api = Enum.IsDefined((ApiKind)Api) ? (ApiKind)Api : ApiKind.Other,
        Prompt = new PromptChain(Blocks.Hashes ?? [], Bytes, TailHash), PromptTokens = PromptTokens, MaxOutputTokens = MaxOutputTokens, SessionId = SessionId,
        Home = Home, PriorTurns = PriorTurns, PriorBlocks = PriorBlocks, HasTools = HasTools, Priority = Priority, CanMove = CanMove, CanHedge = CanHedge,
    };
}

/// <summary>A request that is at an instance.</summary>
/// <param name="Request">The request.</param>
/// <param name="Instance">Where it is.</param>
/// <param name="Attempt">Which of its attempts that is, from 1.</param>
/// <param name="EmittedTokens">Tokens of the answer that earlier attempts gave the client.</param>
/// <param name="OutputTokens">Output tokens so far in this one.</param>
/// <param name="RunningFor">Time since it was sent there.</param>
[GenerateSerializer, Immutable, Alias("fleetrouter.running")]
internal sealed record RunningOnWire(
    [property: Id(0)] RequestOnWire Request, [property: Id(1)] string Instance, [property: Id(2)] int Attempt, [property: Id(3)] int EmittedTokens,
    [property: Id(4)] int OutputTokens, [property: Id(5)] TimeSpan RunningFor);

/// <summary>An engine's own count of one answer.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.usage")]
internal readonly record struct UsageOnWire([property: Id(0)] int PromptTokens, [property: Id(1)] int? CachedTokens, [property: Id(2)] int CompletionTokens)
{
    internal static UsageOnWire? Of(TokenUsage? usage) => usage is null ? null : new(usage.PromptTokens, usage.CachedTokens, usage.CompletionTokens);

    internal TokenUsage ToUsage() => new(PromptTokens, CachedTokens, CompletionTokens);
}
