using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Responses;

/// <summary>An answer that is not streamed, as its client gets it: under the router's own id, and not before it is kept.</summary>
internal sealed class TurnAnswer(PassingStream engine, ResponseTurn turn) : PassingStream
{
    /// <summary>No answer is longer.</summary>
    private const int MostBytes = 64 * 1024 * 1024;

    private const int ReadSize = 16 * 1024;

    private readonly PooledBytes _ready = new();
    private int _read;
    private bool _isWhole;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        if (!_isWhole)
            await FillAsync(cancellation);
        int count = Math.Min(buffer.Length, _ready.Length - _read);
        _ready.Span.Slice(_read, count).CopyTo(buffer.Span);
        _read += count;
        return count;
    }

    private async ValueTask FillAsync(CancellationToken cancellation)
    {
        using var whole = new PooledBytes();
        while (await engine.ReadAsync(whole.GetMemory(ReadSize), cancellation) is > 0 and var read)
        {
            whole.Advance(read);
            if (whole.Length > MostBytes)
                throw new IOException($"an answer of more than {MostBytes} bytes");
        }
        _isWhole = true;
        if (ResponseObject.TryRewrite(whole.Span, turn, _ready))
            await turn.KeepAsync(turn.IsKept ? _ready.Span.ToArray() : default, cancellation);
        else
            _ready.Append(whole.Span);   // no answer as the API has it; nothing to be kept
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            engine.Dispose();
            _ready.Dispose();
            (_read, _isWhole) = (0, true);
        }
        base.Dispose(disposing);
    }
}
