using FleetRouter.Domain.Fleet;

namespace FleetRouter.Orleans.Wire;

/// <summary>What came of a probe.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.probe")]
internal sealed record ProbeOnWire
{
    [Id(0)] public required string Instance { get; init; }

    /// <summary>Why it failed; null if it did not.</summary>
    [Id(1)] public string? Failure { get; init; }
    [Id(2)] public IReadOnlyList<string> Models { get; init; } = [];
    [Id(3)] public int? Running { get; init; }
    [Id(4)] public int? Waiting { get; init; }
    [Id(5)] public double? KvUsage { get; init; }
    [Id(6)] public long? KvCapacityTokens { get; init; }
    [Id(7)] public long? PrefixQueryTokens { get; init; }
    [Id(8)] public long? PrefixHitTokens { get; init; }
    [Id(9)] public double? StartedAtSeconds { get; init; }

    internal static ProbeOnWire Of(string instance, EngineReport r) => new()
    {
        Instance = instance, Models = r.Models, Running = r.Running, Waiting = r.Waiting, KvUsage = r.KvUsage, KvCapacityTokens = r.KvCapacityTokens,
        PrefixQueryTokens = r.PrefixQueryTokens, PrefixHitTokens = r.PrefixHitTokens, StartedAtSeconds = r.StartedAtSeconds,
    };

    internal EngineReport ToReport() => new(Models, Running, Waiting, KvUsage, KvCapacityTokens, PrefixQueryTokens, PrefixHitTokens, StartedAtSeconds);
}
