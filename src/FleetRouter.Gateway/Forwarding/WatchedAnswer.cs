using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>An answer that is not streamed, byte for byte. It is passed on when all of it has come, so that one which breaks off can be
/// asked for elsewhere; its end is looked at for the engine's token counts.</summary>
internal sealed class WatchedAnswer(Stream engine, Attempt attempt) : PassingStream
{
    /// <summary>The counts stand at an answer's end, with at most a few fields after them.</summary>
    private const int TailSize = 2_048;

    /// <summary>More than that is passed on as it comes.</summary>
    private const int MostKept = 8 * 1024 * 1024;

    private const int ReadSize = 16 * 1024;

    private readonly PooledBytes _kept = new();
    private int _read;
    private bool _isWhole;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        while (!_isWhole && _kept.Length < MostKept)
        {
            int read = await engine.ReadAsync(_kept.GetMemory(ReadSize), cancellation);
            attempt.Began();
            _kept.Advance(read);
            _isWhole = read == 0;
            if (_isWhole)
                FindUsage();
        }
        if (_read == _kept.Length && !_isWhole)
            return await engine.ReadAsync(buffer, cancellation);
        int count = Math.Min(buffer.Length, _kept.Length - _read);
        _kept.Span.Slice(_read, count).CopyTo(buffer.Span);
        _read += count;
        return count;
    }

    private void FindUsage()
    {
        ReadOnlySpan<byte> tail = _kept.Span[Math.Max(0, _kept.Length - TailSize)..];
        if (Usage.Find(tail) is >= 0 and var at)
            attempt.Usage = Usage.Read(tail[at..]);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            engine.Dispose();
            _kept.Dispose();
        }
        base.Dispose(disposing);
    }
}
