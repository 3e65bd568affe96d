using System.Collections.Concurrent;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Simulation.Comparison;

/// <summary>Whoever takes part in a comparison: a policy with its parameters, or a referee.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Run">Its run of a cell at a pace.</param>
public sealed record Contestant(string Name, Func<Cell, double, RunScore> Run)
{
    /// <summary>A placement policy behind the gateway's pool, as its source has it: DualMap moves queued requests.</summary>
    /// <param name="policy">Name, with what parameters it carries.</param>
    public static Contestant Of(string policy)
    {
        var pool = new PoolOptions { Name = "sim", Policy = policy, RefuseLate = true, RebalanceQueued = policy.Split(':')[0] == "dual-map" };
        return new Contestant(policy, (cell, pace) => cell.Run(pool, pace));
    }
}

/// <summary>A contestant's runs, by step of the rate scale: each is run once, however many ask. Safe for several threads.</summary>
/// <param name="contestant">Who.</param>
/// <param name="cell">Where.</param>
/// <param name="scale">The cell's rates.</param>
/// <param name="ran">Told of each run.</param>
public sealed class ContestantRuns(Contestant contestant, Cell cell, RateScale scale, Action<string>? ran = null)
{
    private readonly ConcurrentDictionary<int, Lazy<RunScore>> _scores = new();

    /// <summary>Who.</summary>
    public string Name => contestant.Name;

    /// <summary>The score at a step.</summary>
    public RunScore At(int step) => _scores.GetOrAdd(step, s => new Lazy<RunScore>(() =>
    {
        RunScore score = contestant.Run(cell, scale.PaceAt(s));
        ran?.Invoke(contestant.Name);
        return score;
    })).Value;
}
