using System.Runtime.InteropServices;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Orleans.Wire;

/// <summary>One turn of a conversation.</summary>
[GenerateSerializer, Immutable, Alias("fleetrouter.turn")]
internal sealed record TurnOnWire
{
    [Id(0)] public required string Id { get; init; }
    [Id(1)] public string? PreviousId { get; init; }
    [Id(2)] public string Owner { get; init; } = "";
    [Id(3)] public DateTimeOffset CreatedAt { get; init; }
    [Id(4)] public DateTimeOffset ExpiresAt { get; init; }
    [Id(5)] public byte[] Input { get; init; } = [];
    [Id(6)] public byte[] Body { get; init; } = [];

    internal static TurnOnWire Of(StoredResponse r) => new()
    {
        Id = r.Id, PreviousId = r.PreviousId, Owner = r.Owner, CreatedAt = r.CreatedAt, ExpiresAt = r.ExpiresAt, Input = Bytes(r.Input), Body = Bytes(r.Body),
    };

    internal StoredResponse ToResponse() => new(Id, PreviousId, Owner, CreatedAt, ExpiresAt, Input, Body);

    /// <summary>Its id alone: who logs a message logs nothing of what was said.</summary>
    public override string ToString() => Id;

    /// <summary>Without copying what is an array already.</summary>
    private static byte[] Bytes(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out ArraySegment<byte> part) && part.Array is { } whole && whole.Length == part.Count ? whole : memory.ToArray();
}
