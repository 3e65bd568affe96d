using System.Runtime.CompilerServices;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Reads with a bound on the silence of the other side. One timer a stream, which looks at the clock now and then: a
/// read that is answered in time costs a timestamp.</summary>
internal sealed class SilenceAlarm(TimeProvider time) : IDisposable
{
    private CancellationTokenSource _reading = new();
    private CancellationTokenRegistration _link;
    private CancellationToken _linked;
    private ITimer? _timer;
    private TimeSpan _bound;
    private volatile bool _isWoken;
    private long _since;   // timestamp of the read under way; 0 without one

    /// <summary>What a read answers that <see cref="Wake"/> ended.</summary>
    public const int Woken = -1;

    /// <summary>Ends the read under way, or the next; the stream cannot be read any more.</summary>
    public void Wake()
    {
        _isWoken = true;
        Volatile.Read(ref _reading).Cancel();
    }

    /// <summary>Begins anew with another stream.</summary>
    public void Reset()
    {
        if (!_isWoken)
            return;
        _isWoken = false;
        _link.Dispose();
        (_linked, _reading) = (default, new CancellationTokenSource());
    }

    /// <summary>Reads once.</summary>
    /// <param name="from">The stream.</param>
    /// <param name="room">Where to.</param>
    /// <param name="bound">Longest silence; zero for none.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="SilenceException">Nothing came within the bound.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Stream from, Memory<byte> room, TimeSpan bound, CancellationToken cancellation)
    {
        Arm(bound, cancellation);
        try
        {
            return await from.ReadAsync(room, _reading.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            _link.Dispose();
            (_linked, _reading) = (default, new CancellationTokenSource());
            if (_isWoken)
                return Woken;
            throw new SilenceException();
        }
        finally
        {
            Volatile.Write(ref _since, 0);
        }
    }

    private void Arm(TimeSpan bound, CancellationToken cancellation)
    {
        if (cancellation != _linked)
        {
            _link.Dispose();
            CancellationTokenSource reading = _reading;
            _link = cancellation.UnsafeRegister(_ => reading.Cancel(), null);
            _linked = cancellation;
        }
        if (bound <= TimeSpan.Zero)
            return;
        Volatile.Write(ref _since, time.GetTimestamp());
        if (bound == _bound)
            return;
        _bound = bound;
        _timer ??= time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(bound, Timeout.InfiniteTimeSpan);
    }

    private void Look()
    {
        long since = Volatile.Read(ref _since);
        TimeSpan silent = since == 0 ? TimeSpan.Zero : time.GetElapsedTime(since);
        if (silent >= _bound)
            _reading.Cancel();
        // Rounded up, since timers round down.
        _timer!.Change(silent >= _bound ? _bound : TimeSpan.FromMilliseconds(Math.Ceiling((_bound - silent).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _link.Dispose();
    }
}

/// <summary>The other side said nothing for longer than it may.</summary>
internal sealed class SilenceException : Exception;
