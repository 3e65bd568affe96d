namespace FleetRouter.Hosting;

/// <summary>An instance that this process probes.</summary>
internal sealed class ProbedHere : IInstanceWatch
{
    private readonly InstanceProber _prober;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public ProbedHere(InstanceProber prober)
    {
        _prober = prober;
        _running = Task.Run(() => prober.RunAsync(_stop.Token), CancellationToken.None);
    }

    public void Nudge() => _prober.Nudge();

    public void Change(ProbeOptions options) => _prober.Options = options;

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
