using System.CommandLine;
using System.Diagnostics;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Measures;
using FleetRouter.LoadGen.Replay;
using FleetRouter.LoadGen.Reports;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>The chaos drain verb: emptying instances under a steady load.</summary>
internal static class DrainCommand
{
    private sealed record Settings(int Engines, double Load, double TimeScale, ulong Seed, bool NoProgress);

    /// <summary>Compilers and estimates settle first; then the promise is measured undisturbed; then for so long with one drained. Stand-in time.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(12), Undisturbed = TimeSpan.FromSeconds(25), Drained = TimeSpan.FromSeconds(15), Recovery = TimeSpan.FromSeconds(8), AtRestFor = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), Look = TimeSpan.FromMilliseconds(50), Longest = TimeSpan.FromMinutes(8);

    public static Command Create()
    {
        var engines = OptionKinds.UpTo(64, "--engines", "Engine stand-ins, 2 to 64.", 8);
        var load = OptionKinds.Positive("--load", "Offered rate as a share of the simulated knee, the highest rate at which 90 % of the requests meet the promise.", 0.85);
        var timeScale = OptionKinds.Positive("--time-scale", "Stand-in seconds in a second of the wall clock. Below 1 leaves a small machine time for all tokens; every figure is in stand-in time.", 0.5);
        var seed = OptionKinds.SeedOf("the requests");
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("drain", """
            Offer a steady load near the knee to a gateway in front of engine stand-ins, drain one instance through the admin API, then
            restart all of them in turn, each drained first, the next when nobody has waited for 2 s. Exit code 0 only if no client saw an error, every drained instance was empty
            within 10 s, and under 5 points fewer requests were answered as promised (first token within 5 s, tokens at 100 ms).
            """)
        {
            engines, load, timeScale, seed, json, noProgress,
        };
        command.SetAction((parsed, _) => Run(new Settings(Math.Max(2, parsed.GetValue(engines)), parsed.GetValue(load), parsed.GetValue(timeScale), parsed.GetValue(seed), parsed.GetValue(noProgress)), parsed.GetValue(json)));
        return command;
    }

    private static Task<int> Run(Settings settings, string? json) =>
        ChaosCommand.Judge(json, stop => Measure(settings, stop));

    private static async Task<DrainReport> Measure(Settings settings, CancellationToken stop)
    {
        var load = new SteadyLoad(settings.Engines, settings.TimeScale, settings.Seed);
        var knee = load.Knee();
        var rate = settings.Load * knee;
        await using var fleet = await DemoFleet.Start("least-cost", SteadyLoad.Slo.Ttft / settings.TimeScale, load.StandIns, stop,
            poolOptions: [FormattableString.Invariant($"interTokenSlo: {SteadyLoad.Slo.InterToken.TotalMilliseconds / settings.TimeScale:0}ms")]);
        using var control = new ChaosControl(fleet);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var replayer = new Replayer(new ReplaySettings { Target = fleet.Target, Seed = settings.Seed, Speed = settings.TimeScale, Timeout = TimeSpan.FromSeconds(120) }, load.Requests(rate, Longest), TimeProvider.System);
        var replay = ProgressDisplay.Watch(replayer, "drain", settings.NoProgress, enough.Token);
        var clock = Stopwatch.StartNew();
        try
        {
            TimeSpan Wall(TimeSpan standIn) => standIn / settings.TimeScale;
            await Task.Delay(Wall(WarmUp + Undisturbed), stop);
            var drainAt = clock.Elapsed;
            var drain = await Empty(control, 0, settings.TimeScale, stop);
            await Task.Delay(drainAt + Wall(Drained) - clock.Elapsed is { } rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero, stop);
            var drainedTo = clock.Elapsed;
            await control.Drain(0, drains: false);
            await Task.Delay(Wall(Recovery), stop);

            var rollingAt = clock.Elapsed;
            var emptied = new List<Emptying>();
            for (var engine = 0; engine < control.Engines; engine++)
            {
                emptied.Add(await Restart(control, engine, settings.TimeScale, stop));
                await AtRest(control, Wall(AtRestFor), stop);
            }
            var rollingTo = clock.Elapsed;
            // What was sent in the window is still under way.
            await Task.Delay(Wall(Recovery), stop);
            await enough.CancelAsync();
            var records = (await replay).Records;
            if (fleet.Trouble() is { } trouble) throw new UsageException(trouble);
            var metrics = await control.Metrics();
            return new DrainReport
            {
                Seed = settings.Seed, KneeRps = Math.Round(knee, 2), OfferedRps = Math.Round(rate, 2),
                ClientErrors = records.Count(record => record.Failure is not null),
                ErrorsByKind = records.Where(record => record.Failure is not null).GroupBy(record => record.Failure!).ToDictionary(group => group.Key, group => group.Count()),
                Before = WindowFigures.Of(records, load, Wall(WarmUp), drainAt), DuringDrain = WindowFigures.Of(records, load, drainAt, drainedTo),
                DuringRollingRestart = WindowFigures.Of(records, load, rollingAt, rollingTo),
                TimeScale = settings.TimeScale,
                SenderLatenessP99Ms = Math.Round(LatencySummary.Of([.. records.Select(record => record.Lateness.TotalMilliseconds).Order()])?.P99 ?? 0, 1),
                Drain = drain, RollingRestart = emptied,
                Resumes = (int)metrics.Sum("fleetrouter_resumes_total"), Migrations = (int)metrics.Sum("fleetrouter_migrations_total"),
            };
        }
        finally
        {
            await enough.CancelAsync();
            await ((Task)replay).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<Emptying> Restart(ChaosControl control, int engine, double timeScale, CancellationToken stop)
    {
        var emptied = await Empty(control, engine, timeScale, stop);
        await control.Fault(engine, "{\"kind\":\"restart\"}");
        await control.Drain(engine, drains: false);
        await Until(async () => (await control.Instances()).Any(instance => instance.Id == control.NameOf(engine) && instance.State == "ready"), stop);
        return emptied;
    }

    /// <summary>Lets the fleet come to rest, as whoever restarts one does before the next: until nobody has waited for a while, in the router or in
    /// an engine.</summary>
    private static async Task AtRest(ChaosControl control, TimeSpan time, CancellationToken stop)
    {
        var restless = Stopwatch.StartNew();
        var rest = Stopwatch.StartNew();
        while (rest.Elapsed < time && restless.Elapsed < Patience)
        {
            if (await control.Waiting() > 0) rest.Restart();
            await Task.Delay(Look, stop);
        }
    }

    /// <exception cref="UsageException">The gateway takes no drain.</exception>
    private static async Task<Emptying> Empty(ChaosControl control, int engine, double timeScale, CancellationToken stop)
    {
        var name = control.NameOf(engine);
        async Task<int> Leases() => (await control.Instances()).Where(instance => instance.Id == name).Select(instance => instance.Leases).FirstOrDefault(-1);
        var had = await Leases();
        if (!await control.Drain(engine, drains: true)) throw new UsageException($"the gateway's admin API takes no drain of {name}");
        var clock = Stopwatch.StartNew();
        double? Seconds(bool reached) => reached ? Math.Round(timeScale * clock.Elapsed.TotalSeconds, 2) : null;
        var noLeases = Seconds(await Until(async () => await Leases() == 0, stop));
        var empty = Seconds(await Until(async () => await control.Load(engine) == 0, stop));
        return new Emptying(name, had, noLeases, noLeases is null ? null : empty);
    }

    private static async Task<bool> Until(Func<Task<bool>> reached, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        while (!await reached())
        {
            if (clock.Elapsed > Patience) return false;
            await Task.Delay(Look, stop);
        }
        return true;
    }
}
