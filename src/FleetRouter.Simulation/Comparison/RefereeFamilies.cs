using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Referees;

namespace FleetRouter.Simulation.Comparison;

/// <summary>The referees: what placement could win at most, each by the best of its settings.</summary>
public static class RefereeFamilies
{
    /// <summary>The names of the referees.</summary>
    public static readonly IReadOnlyList<string> Names = [PlannedCell.Clairvoyant, PlannedCell.SharedCache];

    /// <summary>The referee of a name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="tuned">Whether further settings take part.</param>
    /// <exception cref="ArgumentException">No referee has the name.</exception>
    public static Family Of(string name, bool tuned)
    {
        IReadOnlyList<Contestant> variants = name switch
        {
            PlannedCell.Clairvoyant => [.. Weights.Select((weights, i) => Clairvoyant($"{name}:{i + 1}", weights, sharedCache: false))],
            PlannedCell.SharedCache => [SharedCache(name), Clairvoyant($"{name}:2", Weights[2], sharedCache: true)],
            _ => throw new ArgumentException($"no referee is called '{name}'; known: {string.Join(", ", Names)}"),
        };
        return new Family(name, Standing.Referee, tuned ? variants : [variants[0]]);
    }

    private static readonly ClairvoyantWeights[] Weights =
    [
        new(Own: 1, Others: 0, Requests: 0.001, Evict: 0),
        new(Own: 2, Others: 0.1, Requests: 0.01, Evict: 0),
        new(Own: 2, Others: 0.1, Requests: 0.01, Evict: 10),
        new(Own: 2, Others: 0.03, Requests: 0.1, Evict: 10),
    ];

    private static Contestant Clairvoyant(string name, ClairvoyantWeights weights, bool sharedCache) => new(name, (cell, pace) =>
        cell.Run(cell.Setup(Options(name)) with { Referee = truth => new ClairvoyantPolicy(truth, weights), SharedCache = sharedCache }, pace));

    private static Contestant SharedCache(string name) => new(name, (cell, pace) =>
        cell.Run(cell.Setup(Options(name)) with { Referee = truth => new TrueLoadPolicy(truth), SharedCache = true }, pace));

    private static PoolOptions Options(string name) => new() { Name = "sim", Policy = name };
}
