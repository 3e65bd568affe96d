using FleetRouter.Domain.Fleet;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Measures;
using FleetRouter.LoadGen.Replay;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Sim;

/// <summary>What clients felt in one run of a slice, over HTTP or in virtual time.</summary>
/// <param name="Requests">Requests answered whole.</param>
/// <param name="Failed">Requests not answered whole.</param>
/// <param name="TtftP50Ms">Time to first token, median.</param>
/// <param name="TtftP90Ms">Time to first token, 90th percentile.</param>
/// <param name="HitTokenShare">Prompt tokens found in an engine's cache, 0 to 1.</param>
/// <param name="GoodShare">Share of all requests with a first token within the SLO and 100 ms a token, 0 to 1.</param>
/// <param name="LatenessP99Ms">How late the sender was; 0 in virtual time.</param>
internal sealed record WireFigures(int Requests, int Failed, double TtftP50Ms, double TtftP90Ms, double HitTokenShare, double GoodShare, double LatenessP99Ms);

/// <summary>A slice of a workload that the simulator and a real gateway before engine stand-ins both run, with the same arrivals, the same
/// texts and the same instances by name.</summary>
internal sealed record WireSlice(string Name, IReadOnlyList<TraceSession> Sessions, StandIns StandIns, TimeSpan SloTtft, ulong Seed)
{
    private static readonly TimeSpan InterToken = TimeSpan.FromMilliseconds(100);

    /// <summary>Requests sent first, on both ways, and left out of the figures: real programs are compiled as they first run.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(5);

    /// <summary>The warm-up, then the slice.</summary>
    private List<TraceSession> Warmed()
    {
        TimeSpan origin = Sessions.Min(session => session.Start);
        int requests = 8 * StandIns.Count;
        return
        [
            .. Enumerable.Range(0, requests).Select(i => TraceSession.Lone(
                0.6 * WarmUp * i / requests, new BlockText(512, [new BlockRun(SplitMix64.Key("warm-up"), i, 1)], 512), 16)),
            .. Sessions.Select(session => session with { Start = session.Start - origin + WarmUp }),
        ];
    }

    /// <summary>Runs it over HTTP on the wall clock, and then in virtual time with the instances that served it.</summary>
    public async Task<(WireFigures Measured, WireFigures Predicted)> Run(string policy, bool noProgress, CancellationToken stop)
    {
        ReplayRun run;
        IReadOnlyList<string> instances;
        await using (DemoFleet fleet = await DemoFleet.Start(policy, SloTtft, StandIns, stop))
        {
            using var replayer = new Replayer(new ReplaySettings { Target = fleet.Target, Seed = Seed }, Warmed(), TimeProvider.System);
            run = await ProgressDisplay.Watch(replayer, $"{Name}, {policy}", noProgress, stop);
            stop.ThrowIfCancellationRequested();
            if (fleet.Trouble() is { } trouble) throw new UsageException(trouble);
            instances = fleet.Instances;
        }
        return (Of(run), Predict(policy, instances));
    }

    /// <summary>The same slice in virtual time: medians of runs between whose wires lie a few milliseconds. Which turn comes before which hangs on
    /// these, and where the order alone places, as in turn, so does much of the rest.</summary>
    private WireFigures Predict(string policy, IReadOnlyList<string> instances)
    {
        PreparedWorkload workload = PreparedWorkload.Of(Warmed(), Seed, boundsAnswers: true);
        WireFigures[] runs = [.. new[] { 0.5, 1, 1.5, 2, 2.5 }.Select(delay => Simulate(workload, policy, instances, TimeSpan.FromMilliseconds(delay)))];
        double Median(Func<WireFigures, double> of) => runs.Select(of).Order().ElementAt(runs.Length / 2);
        return new WireFigures(runs.Min(run => run.Requests), runs.Max(run => run.Failed), Median(run => run.TtftP50Ms), Median(run => run.TtftP90Ms),
            Median(run => run.HitTokenShare), Median(run => run.GoodShare), 0);
    }

    private WireFigures Simulate(PreparedWorkload workload, string policy, IReadOnlyList<string> instances, TimeSpan networkDelay)
    {
        FleetRun run = FleetSimulation.Run(workload, new FleetSetup
        {
            Engines = [.. Enumerable.Repeat(EngineProfile.Named(StandIns.Profile), StandIns.Count)],
            Ids = instances,
            Limits = new EngineLimits { KvBlocks = StandIns.KvBlocks },
            NetworkDelay = networkDelay,
            Pool = new PoolOptions { Name = "validate", Policy = policy, TtftSlo = SloTtft },
            Seed = Seed,
        });
        RequestOutcome[] answered = [.. run.Answered.Where(outcome => outcome.OfferedAt >= WarmUp)];
        return Of(Requests, [.. answered.Select(o => (o.TimeToFirstToken!.Value, o.InterTokenTime!.Value, o.Request.PromptTokens, o.CachedTokens))], 0);
    }

    private int Requests => Sessions.Sum(session => session.Turns.Count);

    private WireFigures Of(ReplayRun run)
    {
        RequestRecord[] completed = [.. run.Records.Where(record => record.Completed && record.Scheduled >= WarmUp)];
        double[] lateness = [.. run.Records.Where(record => record.Scheduled >= WarmUp).Select(record => record.Lateness.TotalMilliseconds).Order()];
        return Of(Requests, [.. completed.Select(r => (r.TimeToFirstToken!.Value, r.TimePerOutputToken, r.PromptTokens ?? 0, r.CachedTokens ?? 0))],
            LatencySummary.Of(lateness)?.P99 ?? 0);
    }

    private WireFigures Of(int total, (TimeSpan Ttft, TimeSpan InterToken, int Prompt, int Cached)[] answered, double latenessP99)
    {
        LatencySummary? ttft = LatencySummary.Of([.. answered.Select(answer => answer.Ttft.TotalMilliseconds).Order()]);
        int good = answered.Count(answer => answer.Ttft <= SloTtft && answer.InterToken <= InterToken);
        return new WireFigures(answered.Length, total - answered.Length, ttft?.P50 ?? 0, ttft?.P90 ?? 0,
            (double)answered.Sum(answer => (long)answer.Cached) / Math.Max(1, answered.Sum(answer => (long)answer.Prompt)),
            (double)good / Math.Max(1, total), latenessP99);
    }
}
