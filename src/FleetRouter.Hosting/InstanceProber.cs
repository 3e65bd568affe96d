using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>Asks one instance how it is, again and again: at the interval while it answers, ever more rarely while it does
/// not, at once when a request found it out of reach. Jitter keeps a fleet's probes apart.</summary>
internal sealed class InstanceProber(PoolHost pool, EngineEndpoint endpoint, IEngineProbe probe, TimeProvider time)
{
    private readonly SemaphoreSlim _nudge = new(0, 1);

    /// <summary>How often; may change while it runs.</summary>
    public required ProbeOptions Options { get; set; }

    /// <summary>Probes at once rather than at the next interval.</summary>
    public void Nudge()
    {
        try
        {
            _nudge.Release();
        }
        catch (SemaphoreFullException)
        {
            // A probe is asked for already.
        }
    }

    public async Task RunAsync(CancellationToken stop)
    {
        int failures = 0;
        while (!stop.IsCancellationRequested)
        {
            failures = await ProbeAsync(stop) ? 0 : failures + 1;
            await RestAsync(failures, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> ProbeAsync(CancellationToken stop)
    {
        using var timeout = new CancellationTokenSource(Options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, timeout.Token);
        try
        {
            EngineReport report = await probe.ProbeAsync(endpoint.Address, either.Token);
            pool.Probed(endpoint.Id, report);
            return true;
        }
        catch (EngineUnhealthyException e)
        {
            pool.ProbeFailed(endpoint.Id, e.Message);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            pool.ProbeFailed(endpoint.Id, $"no answer within {Options.Timeout.TotalSeconds:0.###} s");
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
        catch (Exception e)
        {
            // A fault of the probe must not end the instance's probing for good.
            pool.ProbeFailed(endpoint.Id, $"the probe itself failed: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
        }
        return false;
    }

    private Task RestAsync(int failures, CancellationToken stop)
    {
        double seconds = Math.Min(Options.Interval.TotalSeconds * Math.Pow(2, Math.Max(0, failures - 1)), Options.MaxBackoff.TotalSeconds);
        TimeSpan rest = TimeSpan.FromSeconds(Math.Max(seconds, Options.Interval.TotalSeconds) * (0.9 + 0.2 * Random.Shared.NextDouble()));
        return _nudge.WaitAsync(time, rest, stop);
    }
}

internal static class SemaphoreWaits
{
    /// <summary>Waits for the semaphore or for <paramref name="rest"/> to pass, whichever is first.</summary>
    public static async Task WaitAsync(this SemaphoreSlim semaphore, TimeProvider time, TimeSpan rest, CancellationToken stop)
    {
        using var passed = new CancellationTokenSource(rest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, passed.Token);
        await semaphore.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
