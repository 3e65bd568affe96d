using FleetRouter.Domain.Fleet;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Measures;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>
/// Lone requests in an open loop at one rate: long prompts without a shared prefix, answers of a few hundred tokens. The
/// knee is the highest rate at which, in the simulator, 90 % of them meet the promise for five minutes.
/// </summary>
/// <param name="engines">Stand-ins that serve it.</param>
/// <param name="timeScale">Stand-in seconds in a second of the wall clock; all times here are stand-in time.</param>
/// <param name="seed">Seed of arrivals, texts and lengths.</param>
internal sealed class SteadyLoad(int engines, double timeScale, ulong seed)
{
    /// <summary>What is promised: a first token within 5 s, tokens at 100 ms.</summary>
    public static readonly Slo Slo = Slo.Flat;

    private const string Profile = "a100-llama-3.1-8b";
    private const double Promised = 0.9;

    /// <summary>So long that at a rate the fleet cannot sustain the backlog shows.</summary>
    private static readonly TimeSpan Rehearsal = TimeSpan.FromMinutes(5);

    /// <summary>The stand-ins: an 8B model on an A100 each.</summary>
    public StandIns StandIns => new(engines, Profile, null, TimeScale: timeScale, Seed: seed);

    /// <summary>The requests of a rate, a second, over a time; Poisson arrivals.</summary>
    public List<TraceSession> Requests(double rate, TimeSpan duration)
    {
        var random = new SplitMix64(seed);
        var requests = new List<TraceSession>();
        for (var at = random.Exponential(1 / rate); at < duration.TotalSeconds; at += random.Exponential(1 / rate))
        {
            var prompt = (int)Math.Clamp(5000 * Math.Exp(0.5 * random.Normal()), 500, 16_000);
            var answer = (int)Math.Clamp(250 * Math.Exp(0.6 * random.Normal()), 40, 900);
            requests.Add(TraceSession.Lone(TimeSpan.FromSeconds(at), new BlockText(512, [new BlockRun((ulong)requests.Count, 0, (prompt / 512) + 1)], prompt), answer));
        }
        return requests;
    }

    /// <summary>The highest rate, in requests a second, at which the simulated fleet keeps the promise to nine requests in ten.</summary>
    public double Knee()
    {
        double knee = 0;
        for (var rate = 0.25 * engines; rate < 8 * engines; rate *= 1.05)
        {
            if (Attainment(rate) < Promised) return knee == 0 ? rate : knee;
            knee = rate;
        }
        return knee;
    }

    /// <summary>Whether a request was answered as promised.</summary>
    public bool IsMet(RequestRecord record) =>
        record.Completed && timeScale * record.TimeToFirstToken <= Slo.TtftFor(record.PromptTokens ?? 0) && timeScale * record.TimePerOutputToken <= Slo.InterToken;

    private double Attainment(double rate)
    {
        var run = FleetSimulation.Run(PreparedWorkload.Of(Requests(rate, Rehearsal), seed, boundsAnswers: true), new FleetSetup
        {
            Engines = [.. Enumerable.Repeat(EngineProfile.Named(Profile), engines)],
            Pool = new PoolOptions { Name = DemoFleet.Pool, TtftSlo = Slo.Ttft, InterTokenSlo = Slo.InterToken },
            Seed = seed,
        });
        return (double)run.Answered.Count(Slo.IsMet) / Requests(rate, Rehearsal).Count;
    }
}
