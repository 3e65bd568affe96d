using System.Collections.Concurrent;
using System.Diagnostics;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>What a run of streams under faults is told.</summary>
internal sealed record StreamsSettings(int Streams, int Concurrency, int Engines, double TimeScale, ulong Seed, bool Faults, bool NoProgress)
{
    /// <summary>Model and hardware of the stand-ins.</summary>
    public const string Profile = "h100-llama-3.1-8b";
}

/// <summary>Sends requests while engines fail, and judges every answer.</summary>
internal sealed class StreamsRun(StreamsSettings settings)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90), Progress = TimeSpan.FromSeconds(5), Settling = TimeSpan.FromSeconds(15);

    /// <summary>Longest silence the gateway bears: nobody can tell whether an engine that does not stream is stalled, and the client waits no longer than its patience.</summary>
    private static readonly TimeSpan EngineSilence = Patience / 3;

    private const int MostAttempts = 8, RetriesARequest = 10;

    private readonly ConcurrentBag<Verdict> _verdicts = [];
    private readonly GapHistogram _gaps = new();
    private int _next = -1;

    public async Task<StreamsReport> Run(CancellationToken stop)
    {
        var standIns = new StandIns(settings.Engines, StreamsSettings.Profile, null, TimeScale: settings.TimeScale, Seed: settings.Seed);
        // Faults are so dense here that several engines in turn may fail one request, and more attempts fail than anyone would grant.
        await using var fleet = await DemoFleet.Start("least-cost", TimeSpan.FromSeconds(5), standIns, stop, EngineSilence, $"maxAttempts: {MostAttempts}", $"retryBudget: {RetriesARequest}", "maxEjectedShare: 0");
        using var control = new ChaosControl(fleet);
        var clock = new RunClock(TimeProvider.System);
        using var client = new ChaosClient(fleet.Target.Address, Patience, _gaps, clock);
        var workload = new ChaosWorkload(fleet.Target.Model, settings.Seed);
        var faults = new FaultSchedule(control, settings.Seed);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);

        var failing = faults.Run(ended.Token);
        var telling = settings.NoProgress ? Task.CompletedTask : Tell(faults, ended.Token);
        await Task.WhenAll(Enumerable.Range(0, settings.Concurrency).Select(_ => Task.Run(() => Work(client, workload, faults, fleet, stop), CancellationToken.None)));
        await ended.CancelAsync();
        await Task.WhenAll(failing, telling);

        if (fleet.Trouble() is { } trouble) throw new UsageException(trouble);
        var (leases, work) = await Settled(control, stop);
        return StreamsReport.Of(settings, [.. _verdicts.OrderBy(verdict => verdict.Request.Number)], _gaps, await control.Metrics(), faults, leases, work, clock.Now);
    }

    private async Task Work(ChaosClient client, ChaosWorkload workload, FaultSchedule faults, DemoFleet fleet, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested && Interlocked.Increment(ref _next) is var number && number < settings.Streams && fleet.Trouble() is null)
        {
            var request = workload.Request(number);
            if (settings.Faults) await faults.Starting(request);
            try { _verdicts.Add(await client.Send(request, stop)); }
            catch (OperationCanceledException) when (stop.IsCancellationRequested) { return; }
        }
    }

    private async Task Tell(FaultSchedule faults, CancellationToken stop)
    {
        var elapsed = Stopwatch.StartNew();
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(Progress, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Console.Error.WriteLine(FormattableString.Invariant(
                $"{elapsed.Elapsed.TotalSeconds:0} s, {_verdicts.Count} of {settings.Streams} streams judged, {_verdicts.Count(verdict => !verdict.IsRight)} not right, {faults.Counts.Values.Sum()} faults"));
        }
    }

    /// <summary>Leases the gateway still holds and requests engines still have, once nothing is left or patience is.</summary>
    private static async Task<(int Leases, int Work)> Settled(ChaosControl control, CancellationToken stop)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var leases = (await control.Instances()).Sum(instance => instance.Leases);
            var loads = await Task.WhenAll(Enumerable.Range(0, control.Engines).Select(control.Load));
            var work = loads.Sum(load => load ?? 0);
            if ((leases == 0 && work == 0) || waited.Elapsed > Settling) return (leases, work);
            await Task.Delay(TimeSpan.FromMilliseconds(200), stop);
        }
    }
}
