using Orleans.Concurrency;
using FleetRouter.Hosting;
using FleetRouter.Hosting.Ports;
using FleetRouter.Orleans.Pools;

namespace FleetRouter.Orleans.Instances;

/// <summary>A shell round the prober of one engine.</summary>
/// <remarks>Beside its pool, where it is known how engines are asked, and in no directory: of that a part may just have been lost, with the silo that the
/// pool was on before.</remarks>
[StatelessWorker(maxLocalWorkers: 1, removeIdleWorkers: false)]
internal sealed class InstanceGrain(LocalPools local, ProbesOfCluster probes, TimeProvider time) : Grain, IInstanceGrain
{
    private CancellationTokenSource? _stop;
    private InstanceProber? _prober;
    private Task _running = Task.CompletedTask;
    private long _renewedAt;

    public Task WatchAsync(string pool, string instance, Uri address, TimeSpan interval, TimeSpan timeout, TimeSpan maxBackoff)
    {
        _renewedAt = time.GetTimestamp();
        var often = new ProbeOptions { Interval = interval, Timeout = timeout, MaxBackoff = maxBackoff };
        if (_prober is not null)
        {
            _prober.Options = often;
            return Task.CompletedTask;
        }
        PoolSetup setup = local.Setup(pool) ?? throw new PoolUnavailableException($"the configuration of this silo has no pool {pool}");
        var endpoint = new EngineEndpoint(instance, address);
        _prober = new InstanceProber(probes.To(pool), endpoint, setup.ProbeOf(endpoint), time) { Options = often };
        _stop = new CancellationTokenSource();
        (InstanceProber prober, CancellationToken stop) = (_prober, _stop.Token);
        _running = Task.Run(() => prober.RunAsync(stop), CancellationToken.None);
        this.RegisterGrainTimer(LookAsync, new GrainTimerCreationOptions { DueTime = ProbesOfCluster.Renewal, Period = ProbesOfCluster.Renewal, KeepAlive = true });
        return Task.CompletedTask;
    }

    public Task NudgeAsync()
    {
        _prober?.Nudge();
        return Task.CompletedTask;
    }

    public Task StopAsync()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellation)
    {
        _stop?.Cancel();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <summary>A pool that does not say it any more has no such instance, or is gone.</summary>
    private Task LookAsync(CancellationToken cancellation) =>
        time.GetElapsedTime(_renewedAt) > 5 * ProbesOfCluster.Renewal ? StopAsync() : Task.CompletedTask;
}
