namespace FleetRouter.Hosting;

/// <summary>Wakes one who waits, or who is about to: ringing twice before it wakes is ringing once.</summary>
public sealed class WakeUp
{
    private readonly SemaphoreSlim _rung = new(0, 1);

    /// <summary>Wakes it.</summary>
    public void Ring()
    {
        try
        {
            _rung.Release();
        }
        catch (SemaphoreFullException)
        {
            // Rung already.
        }
    }

    /// <summary>Waits until it is rung, for <paramref name="longest"/> at most. Never throws.</summary>
    public async Task WaitAsync(TimeSpan longest, TimeProvider time, CancellationToken stop)
    {
        using var passed = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, passed.Token);
        await _rung.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
