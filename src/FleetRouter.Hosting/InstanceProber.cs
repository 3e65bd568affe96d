using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Hosting;

/// <summary>Asks one instance how it is, again and again: at the interval while it answers, ever more rarely while it does
/// not, at once when a request found it out of reach. Jitter keeps a fleet's probes apart.</summary>
/// <param name="pool">Told what came of each probe.</param>
/// <param name="endpoint">The instance.</param>
/// <param name="probe">How it is asked.</param>
/// <param name="time">The wall clock, or a test's.</param>
public sealed class InstanceProber(IInstanceReports pool, EngineEndpoint endpoint, IEngineProbe probe, TimeProvider time)
{
    private readonly WakeUp _nudge = new();

    /// <summary>How often; may change while it runs.</summary>
    public required ProbeOptions Options { get; set; }

    /// <summary>Probes at once rather than at the next interval.</summary>
    public void Nudge() => _nudge.Ring();

    /// <summary>Asks until <paramref name="stop"/> fires.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        int failures = 0;
        while (!stop.IsCancellationRequested)
        {
            failures = await ProbeAsync(stop) ? 0 : failures + 1;
            await RestAsync(failures, stop);
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
        return _nudge.WaitAsync(rest, time, stop);
    }
}
