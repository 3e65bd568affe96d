using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Hedging;

/// <summary>An engine's event stream of which the beginning, up to the first token, was read before its reader came: the reader finds it as the
/// engine sent it, what went wrong included.</summary>
internal sealed class BegunStream(Stream engine) : PassingStream
{
    private readonly EventReader _begun = new();
    private Exception? _trouble;
    private int _read;

    /// <summary>Reads until the first token is there; what went wrong if it did not come.</summary>
    /// <param name="patience">Longest wait; zero for any.</param>
    /// <param name="ends">Ends it.</param>
    public async Task<Exception?> UntilFirstTokenAsync(TimeSpan patience, CancellationToken ends)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ends);
        if (patience > TimeSpan.Zero)
            late.CancelAfter(patience);
        try
        {
            while (!_begun.HasToken() && !_begun.IsTooLong)
            {
                int read = await engine.ReadAsync(_begun.Room(), late.Token);
                if (read == 0)
                    return new IOException("the stream ended before its first token");   // as its reader will find
                _begun.Came(read);
            }
        }
        catch (OperationCanceledException) when (!ends.IsCancellationRequested)
        {
            _trouble = new SilenceException();
        }
        catch (Exception e) when (ConnectionLoss.Is(e))
        {
            ends.ThrowIfCancellationRequested();
            _trouble = e;
        }
        return _trouble;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        ReadOnlySpan<byte> left = _begun.Rest[_read..];
        if (left.Length == 0)
            return _trouble is null ? engine.ReadAsync(buffer, cancellation) : ValueTask.FromException<int>(_trouble);
        int count = Math.Min(buffer.Length, left.Length);
        left[..count].CopyTo(buffer.Span);
        _read += count;
        return ValueTask.FromResult(count);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            engine.Dispose();
            _begun.Dispose();
            _read = 0;
        }
        base.Dispose(disposing);
    }
}
