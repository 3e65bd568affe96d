using System.Collections.Concurrent;
using System.Diagnostics;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>Has one instance die, another flap, and then all die at once, and watches where requests go.</summary>
internal sealed class OutageRun(int engines, ulong seed, bool noProgress)
{
    private const int Dead = 0, Flapping = 1, Flaps = 6, Questions = 20;

    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(40), Look = TimeSpan.FromMilliseconds(15), Calm = TimeSpan.FromSeconds(5), DeadFor = TimeSpan.FromSeconds(6),
        AllDeadFor = TimeSpan.FromSeconds(8), Patience = TimeSpan.FromSeconds(45), ReturnPatience = TimeSpan.FromSeconds(60);

    private readonly ConcurrentBag<Verdict> _verdicts = [];

    public async Task<OutageReport> Run(CancellationToken stop)
    {
        var standIns = new StandIns(engines, StreamsSettings.Profile, null, Seed: seed);
        await using var fleet = await DemoFleet.Start("least-cost", TimeSpan.FromSeconds(5), standIns, stop);
        using var control = new ChaosControl(fleet);
        using var client = new ChaosClient(fleet.Target.Address, Patience, new GapHistogram(), new RunClock(TimeProvider.System));
        var workload = new ChaosWorkload(fleet.Target.Model, seed);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var load = Task.Run(() => Load(client, workload, enough.Token, stop), CancellationToken.None);
        OutageReport report;
        try
        {
            await Task.Delay(Calm, stop);
            Say("one engine dies");
            report = await OneDies(control, stop);
            Say("one engine flaps");
            report = await OneFlaps(control, report, stop);
        }
        finally
        {
            await enough.CancelAsync();
            await load.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        report = report with
        {
            Requests = _verdicts.Count, ClientErrors = _verdicts.Count(verdict => !verdict.IsRight),
            NotRight = [.. _verdicts.Where(verdict => !verdict.IsRight).OrderBy(verdict => verdict.Request.Number).Take(8).Select(verdict => verdict.Detail(seed))],
        };
        Say("all engines die");
        report = await AllDie(control, client, workload, report, stop);
        return fleet.Trouble() is { } trouble ? throw new UsageException(trouble) : report;
    }

    private void Say(string what)
    {
        if (!noProgress) Console.Error.WriteLine(what);
    }

    /// <summary>A request every so often, until told that it is enough; then those under way are waited for.</summary>
    private async Task Load(ChaosClient client, ChaosWorkload workload, CancellationToken enough, CancellationToken stop)
    {
        var sent = new List<Task>();
        using var tick = new PeriodicTimer(Pace);
        try
        {
            for (var number = 0; await tick.WaitForNextTickAsync(enough);)
            {
                while (workload.Request(number) is not { Resumable: true }) number++;
                var request = workload.Request(number++);
                sent.Add(Task.Run(async () => _verdicts.Add(await client.Send(request, stop)), CancellationToken.None));
            }
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }
        await Task.WhenAll(sent).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task<OutageReport> OneDies(ChaosControl control, CancellationToken stop)
    {
        var diedAt = DateTimeOffset.UtcNow;
        var watch = Stopwatch.StartNew();
        await control.Fault(Dead, FormattableString.Invariant($"{{\"kind\":\"crash\",\"restart_after_s\":{DeadFor.TotalSeconds}}}"));
        var isOut = await Until(async () => await StateOf(control, Dead) is not ("ready" or ""), DeadFor, stop);
        var (outAt, outAfter) = (DateTimeOffset.UtcNow, watch.Elapsed);
        var back = isOut && await Until(async () => await StateOf(control, Dead) == "ready", ReturnPatience, stop);
        var backAt = DateTimeOffset.UtcNow;
        // The looks are a few milliseconds apart, so the gateway's own word of when is taken.
        var since = isOut ? outAt - Look : outAt;
        var worked = back && await Until(async () => (await control.Dispatches(Dead)).Any(at => at > backAt), Patience, stop);
        var all = await control.Dispatches(Dead);
        return new OutageReport
        {
            Seed = 0, Requests = 0, ClientErrors = 0, NotRight = [],
            DispatchesBeforeOut = all.Count(at => at > diedAt && at <= since), DispatchesWhileOut = all.Count(at => at > outAt && at < backAt - 2 * Look),
            OutAfterMs = isOut ? outAfter.TotalMilliseconds : null, DeadReturned = worked,
            Flaps = 0, BackWhileFlapping = 0, DispatchesWhileFlapping = 0, Refusals = 0, AskedWithoutInstances = 0, SlowestRefusalMs = 0, ServedAgainAfterS = null,
        };
    }

    private async Task<OutageReport> OneFlaps(ChaosControl control, OutageReport report, CancellationToken stop)
    {
        using var flapped = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watching = Turns(control, flapped.Token);
        for (var fall = 0; fall < Flaps; fall++)
        {
            await control.Fault(Flapping, "{\"kind\":\"crash\",\"restart_after_s\":1}");
            await Task.Delay(TimeSpan.FromSeconds(1), stop);
            await Until(async () => await control.Load(Flapping) is not null, Patience, stop);
            if (fall < Flaps - 1) await Task.Delay(TimeSpan.FromSeconds(1), stop);
        }
        var over = DateTimeOffset.UtcNow;
        await flapped.CancelAsync();
        var turns = await watching;
        // Until a fall is noticed requests are sent to it, as to any that dies; and the first is forgiven.
        DateTimeOffset[] outs = [.. turns.Where(turn => !turn.IsBack).Select(turn => turn.At)];
        return report with
        {
            Seed = seed, Flaps = Flaps, BackWhileFlapping = turns.Count(turn => turn.IsBack),
            DispatchesWhileFlapping = outs.Length < 2 ? 0 : (await control.Dispatches(Flapping)).Count(at => at > outs[1] && at < over),
        };
    }

    /// <summary>When the flapping instance goes out of rotation and comes back, until it is enough.</summary>
    private static async Task<IReadOnlyList<(DateTimeOffset At, bool IsBack)>> Turns(ChaosControl control, CancellationToken enough)
    {
        var turns = new List<(DateTimeOffset At, bool IsBack)>();
        var isReady = true;
        while (!enough.IsCancellationRequested)
        {
            var state = await StateOf(control, Flapping);
            if (state.Length > 0 && state == "ready" != isReady) turns.Add((DateTimeOffset.UtcNow, isReady = !isReady));
            await Task.Delay(Look, enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return turns;
    }

    private static async Task<OutageReport> AllDie(ChaosControl control, ChaosClient client, ChaosWorkload workload, OutageReport report, CancellationToken stop)
    {
        await Task.WhenAll(Enumerable.Range(0, control.Engines).Select(engine =>
            control.Fault(engine, FormattableString.Invariant($"{{\"kind\":\"crash\",\"restart_after_s\":{AllDeadFor.TotalSeconds}}}"))));
        var clock = Stopwatch.StartNew();
        await Until(async () => (await Task.WhenAll(Enumerable.Range(0, control.Engines).Select(control.Load))).All(load => load is null), AllDeadFor, stop);
        var refusals = 0;
        double slowest = 0;
        for (var asked = 0; asked < Questions; asked++)
        {
            var verdict = await client.Send(workload.Request(asked), stop);
            if (verdict.ClientError?.StartsWith("status 503", StringComparison.Ordinal) == true) refusals++;
            slowest = Math.Max(slowest, (verdict.Ended - verdict.Sent).TotalMilliseconds);
        }
        await Task.Delay(AllDeadFor - clock.Elapsed is { } rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero, stop);
        await Until(async () => await control.Load(0) is not null, Patience, stop);
        var returned = Stopwatch.StartNew();
        var number = Questions;
        var served = await Until(async () => await client.Send(workload.Request(number++), stop) is { IsRight: true }, ReturnPatience, stop);
        return report with
        {
            AskedWithoutInstances = Questions, Refusals = refusals, SlowestRefusalMs = Math.Round(slowest, 1),
            ServedAgainAfterS = served ? Math.Round(returned.Elapsed.TotalSeconds, 2) : null,
        };
    }

    private static async Task<string> StateOf(ChaosControl control, int engine)
    {
        var name = control.NameOf(engine);
        return (await control.Instances()).Where(instance => instance.Id == name).Select(instance => instance.State).FirstOrDefault("");
    }

    private static async Task<bool> Until(Func<Task<bool>> reached, TimeSpan patience, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        while (!await reached())
        {
            if (clock.Elapsed > patience) return false;
            await Task.Delay(Look, stop);
        }
        return true;
    }
}
