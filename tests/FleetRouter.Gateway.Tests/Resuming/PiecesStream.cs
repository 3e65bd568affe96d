using FleetRouter.Domain.Tests;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>An engine's answer that comes in pieces of any length, and may break off.</summary>
internal sealed class PiecesStream(byte[] whole, SplitMix64 random, int? breakAt) : MemoryStream(whole, writable: false)
{
    private readonly int _most = random.Below(3) switch { 0 => 3, 1 => 100, _ => 10_000 };

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int left = (breakAt ?? (int)Length) - (int)Position;
        if (left == 0 && breakAt is not null)
            throw new HttpIOException(HttpRequestError.ResponseEnded, "the engine broke off");
        return base.ReadAsync(buffer[..Math.Min(Math.Min(buffer.Length, left), 1 + random.Below(_most))], cancellationToken);
    }
}
