using System.Buffers;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>An answer that is not streamed, passed on byte for byte; its end is looked at for the engine's token counts.</summary>
internal sealed class WatchedAnswer(Stream engine, Attempt attempt) : PassingStream
{
    /// <summary>The counts stand at an answer's end, with at most a few fields after them.</summary>
    private const int TailSize = 2_048;

    private byte[] _tail = ArrayPool<byte>.Shared.Rent(TailSize);
    private int _kept;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        int read = await engine.ReadAsync(buffer, cancellation);
        if (read > 0)
            Keep(buffer.Span[..read]);
        else if (_kept > 0 && attempt.Usage is null && Usage.Find(_tail.AsSpan(0, _kept)) is >= 0 and var at)
            attempt.Usage = Usage.Read(_tail.AsSpan(at, _kept - at));
        return read;
    }

    private void Keep(ReadOnlySpan<byte> passed)
    {
        attempt.Began();
        if (passed.Length >= TailSize)
        {
            passed[^TailSize..].CopyTo(_tail);
            _kept = TailSize;
            return;
        }
        int drop = Math.Max(0, _kept + passed.Length - TailSize);
        _tail.AsSpan(drop, _kept - drop).CopyTo(_tail);
        _kept -= drop;
        passed.CopyTo(_tail.AsSpan(_kept));
        _kept += passed.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && _tail.Length > 0)
        {
            engine.Dispose();
            ArrayPool<byte>.Shared.Return(_tail);
            (_tail, _kept) = ([], 0);
        }
        base.Dispose(disposing);
    }
}
