using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Fleet;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Comparison;

/// <summary>One setting policies are compared in: a workload, a fleet of like engines, a promise.</summary>
public sealed class Cell
{
    private static readonly TimeSpan NetworkDelay = TimeSpan.FromMicroseconds(500);

    private readonly PreparedRequest[] _slo;
    private readonly HashSet<int> _longest;
    private readonly bool[] _inClass;

    /// <summary>A cell.</summary>
    /// <param name="workload">What is asked.</param>
    /// <param name="instances">Engines.</param>
    /// <param name="profile">Their model and hardware.</param>
    /// <param name="kvTokens">KV capacity of each; null for the profile's own.</param>
    /// <param name="slo">The promise.</param>
    /// <param name="seed">Seed of the probes' phases.</param>
    public Cell(PreparedWorkload workload, int instances, EngineProfile profile, long? kvTokens, Slo slo, ulong seed)
    {
        (Workload, Instances, Profile, Slo, Seed) = (workload, instances, profile, slo, seed);
        KvTokens = kvTokens ?? profile.KvBlocks * (long)BlockHash.BlockSize;
        _inClass = [.. workload.All.Select(r => slo.IsPossible(r, profile, 2 * NetworkDelay))];
        _slo = [.. workload.All.Where(r => _inClass[r.Index])];
        _longest = [.. _slo.OrderByDescending(r => r.PromptTokens).ThenBy(r => r.Index).Take((_slo.Length + 9) / 10).Select(r => r.Index)];
    }

    /// <summary>What is asked.</summary>
    public PreparedWorkload Workload { get; }

    /// <summary>Engines.</summary>
    public int Instances { get; }

    /// <summary>Their model and hardware.</summary>
    public EngineProfile Profile { get; }

    /// <summary>KV capacity of each, tokens.</summary>
    public long KvTokens { get; }

    /// <summary>The promise.</summary>
    public Slo Slo { get; }

    /// <summary>Seed of the probes' phases.</summary>
    public ulong Seed { get; }

    /// <summary>Requests a second at a pace, whatever the policy: over the middle four fifths of the requests, if answers took no time.
    /// In proportion to the pace for requests of their own; less than that where long sessions keep their pauses.</summary>
    public double RateAt(double pace) => RateAt(Workload, pace);

    /// <summary>Requests a second of a workload at a pace; see <see cref="RateAt(double)"/>.</summary>
    public static double RateAt(PreparedWorkload workload, double pace)
    {
        TimeSpan[] arrivals = [.. workload.NominalArrivals(pace).Select(arrival => arrival.At)];
        int tenth = arrivals.Length / 10;
        return arrivals.Length < 2 ? 0 : (arrivals.Length - 1 - 2 * tenth) / Math.Max(1e-6, (arrivals[^(tenth + 1)] - arrivals[tenth]).TotalSeconds);
    }

    /// <summary>Requests that count for the promise.</summary>
    public int SloRequests => _slo.Length;

    /// <summary>Runs a policy at a pace.</summary>
    public RunScore Run(PoolOptions pool, double pace) => Run(Setup(pool), pace);

    /// <summary>Runs a fleet at a pace.</summary>
    public RunScore Run(FleetSetup setup, double pace) => Score(FleetSimulation.Run(Workload, setup, pace), pace);

    /// <summary>The fleet behind a pool of these options.</summary>
    public FleetSetup Setup(PoolOptions pool) => new()
    {
        Engines = [.. Enumerable.Repeat(Profile, Instances)],
        Limits = new EngineLimits { KvBlocks = (int)(KvTokens / BlockHash.BlockSize) },
        Pool = pool with { TtftSlo = Slo.Ttft, TtftSloPerThousandTokens = Slo.TtftPerThousandTokens, InterTokenSlo = Slo.InterToken },
        NetworkDelay = NetworkDelay,
        Seed = Seed,
    };

    private RunScore Score(FleetRun run, double pace)
    {
        int good = 0, goodLongest = 0, refused = 0, unfinished = 0, offered = 0;
        foreach (RequestOutcome outcome in run.Outcomes)
        {
            offered += outcome.OfferedAt is null ? 0 : 1;
            refused += outcome.Kind == OutcomeKind.Refused ? 1 : 0;
            unfinished += outcome.IsUnfinished ? 1 : 0;
            if (!_inClass[outcome.Request.Index] || !Slo.IsMet(outcome))
                continue;
            good++;
            goodLongest += _longest.Contains(outcome.Request.Index) ? 1 : 0;
        }
        return new RunScore(
            (double)good / Math.Max(1, _slo.Length), (double)goodLongest / Math.Max(1, _longest.Count), RateAt(pace) * good / Math.Max(1, _slo.Length),
            Percentiles.Of(run.Outcomes.Where(o => o.TimeToFirstToken is not null).Select(o => o.TimeToFirstToken!.Value.TotalMilliseconds)),
            Percentiles.Of(run.Outcomes.Where(o => o.InterTokenTime is not null).Select(o => o.InterTokenTime!.Value.TotalMilliseconds)),
            run.HitTokenShare, run.LoadVariation, (double)refused / Math.Max(1, offered), unfinished);
    }
}
