using System.Collections.Concurrent;

namespace FleetRouter.Simulation.Comparison;

/// <summary>
/// Compares placement policies in one cell by SLO capacity: the highest rate of arrivals at which (a) nine tenths of the offered
/// requests of the SLO class meet the promise, (b) the share among the tenth with the longest prompts is no lower than the
/// best rival's at the same rate, less three points, and (c) every request finishes or is refused. Without (b) a policy wins half as much
/// again by starving the few long prompts.
/// </summary>
public sealed class PolicyComparison
{
    /// <summary>Share of the offered requests that must meet the promise.</summary>
    public const double GoodShare = 0.9;

    /// <summary>By how much the longest tenth may fare worse than with the best rival.</summary>
    public const double LongestTenthAllowance = 0.03;

    /// <summary>Overload is so many times the best rival's capacity.</summary>
    private const double Overload = 1.5;

    private static readonly double[] Loads = [0.25, 0.5, 0.75, 0.9, 1, 1.1, 1.25, 1.5, 2];

    private readonly Cell _cell;
    private readonly IReadOnlyList<Family> _families;
    private readonly RateScale _scale;
    private readonly int _resolution;
    private readonly bool _curves;
    private readonly ParallelOptions _parallel;
    private readonly Dictionary<Contestant, ContestantRuns> _runs = [];

    /// <summary>A comparison.</summary>
    /// <param name="cell">Where.</param>
    /// <param name="families">Who; one of them ours.</param>
    /// <param name="quick">Steps of 3 % and no curves, instead of steps of 1.5 % and curves up to twice the best rival's capacity.</param>
    /// <param name="ran">Told the name of whoever finished a run.</param>
    /// <param name="stop">Gives the comparison up.</param>
    public PolicyComparison(Cell cell, IReadOnlyList<Family> families, bool quick = false, Action<string>? ran = null, CancellationToken stop = default)
    {
        (_cell, _families) = (cell, families);
        _scale = new RateScale(cell.Workload);
        (_resolution, _curves) = quick ? (2, false) : (1, true);
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = stop };
        foreach (Contestant contestant in families.SelectMany(family => family.Variants))
        {
            _runs.Add(contestant, new ContestantRuns(contestant, cell, _scale, name =>
            {
                stop.ThrowIfCancellationRequested();
                ran?.Invoke(name);
            }));
        }
    }

    /// <summary>Runs it.</summary>
    public ComparisonResult Run()
    {
        int start = _scale.StepFor(WorkingSet.EstimatedRate(_cell.Workload, _cell.Profile, _cell.Instances));
        Standings[] unprotected = Each(_families, family => Best(family, start));
        Standings? rival = unprotected.Where(s => s.Family.Standing == Standing.Rival && s.Capacity is not null)
            .MaxBy(s => (s.Capacity!.Value.Step, -_families.ToList().IndexOf(s.Family)));
        Standings[] standings = rival is null
            ? [.. unprotected.Select(s => s with { Protected = s.Capacity })]
            : Each(unprotected, s => s with { Protected = Protect(s, rival.Runs) });
        rival = standings.FirstOrDefault(s => s.Family == rival?.Family);
        Standings? ours = standings.FirstOrDefault(s => s.Family.Standing == Standing.Ours);
        int? overload = rival is null ? null : _scale.StepFor(Overload * _scale.RateAt(rival.Protected!.Value.Step));
        OverloadFigures? beyond = overload is { } step && ours is not null ? Beyond(step, ours.Runs, rival!.Runs) : null;
        return new ComparisonResult(_scale, standings, ours, rival, beyond, _curves && rival is not null ? Curves(standings, rival) : new Dictionary<string, IReadOnlyList<LoadPoint>>());
    }

    private bool IsGood(RunScore score) => score.GoodShare >= GoodShare && score.Unfinished == 0;

    // The published setting is searched; the others are run just beyond its capacity, and the best of them, if better there, is
    // searched too; and so on from the best so far, until none is better just beyond it.
    private Standings Best(Family family, int start)
    {
        Standings Search(Contestant variant, int from)
        {
            ContestantRuns runs = _runs[variant];
            return new Standings(family, runs, new CapacitySearch(step => IsGood(runs.At(step)), _scale.RateAt, _resolution).Find(from), null);
        }
        Standings best = Search(family.Variants[0], start);
        List<Contestant> rest = [.. family.Variants.Skip(1)];
        while (rest.Count > 0 && best.Capacity is not { IsBound: true })
        {
            int beyond = (best.Capacity?.Step ?? start) + _resolution;
            double Share(ContestantRuns runs) => runs.At(beyond) is { Unfinished: 0 } score ? score.GoodShare : 0;
            Contestant next = rest.MaxBy(variant => Share(_runs[variant]))!;
            if (Share(_runs[next]) <= Share(best.Runs))
                break;
            rest.Remove(next);
            Standings other = Search(next, beyond);
            if (other.Capacity is { } found && found.Step > (best.Capacity?.Step ?? int.MinValue))
                best = other;
        }
        return best;
    }

    private Capacity? Protect(Standings standings, ContestantRuns rival)
    {
        if (standings.Capacity is not { } capacity || standings.Runs == rival)
            return standings.Capacity;
        bool Holds(int step) => IsGood(standings.Runs.At(step))
            && standings.Runs.At(step).GoodShareLongestTenth >= rival.At(step).GoodShareLongestTenth - LongestTenthAllowance;
        int? held = new CapacitySearch(Holds, _scale.RateAt, _resolution).AtOrBelow(capacity.Step);
        return held is { } found ? new Capacity(found, capacity.IsBound && found == capacity.Step) : null;
    }

    private OverloadFigures Beyond(int step, ContestantRuns ours, ContestantRuns rival)
    {
        RunScore[] scores = Each([ours, rival], runs => runs.At(step));
        return new OverloadFigures(_scale.RateAt(step), scores[0].Goodput, scores[1].Goodput, scores[0].GoodShareLongestTenth,
            scores[1].GoodShareLongestTenth, scores[0].RefusedShare, scores[1].RefusedShare);
    }

    private Dictionary<string, IReadOnlyList<LoadPoint>> Curves(Standings[] standings, Standings rival)
    {
        double knee = _scale.RateAt(rival.Protected!.Value.Step);
        Standings[] shown = [.. standings.Where(s => s.Family.Standing != Standing.Rival || s == rival || s.Family.Name is "round-robin" or "least-requests")];
        (Standings Of, double Load)[] points = [.. shown.SelectMany(s => Loads.Select(load => (s, load)))];
        LoadPoint[] found = Each(points, point =>
        {
            int step = _scale.StepFor(point.Load * knee);
            RunScore score = point.Of.Runs.At(step);
            return new LoadPoint(point.Load, _scale.RateAt(step), score.Goodput, score.GoodShare, score.GoodShareLongestTenth,
                score.TtftMilliseconds, score.HitTokenShare, score.RefusedShare);
        });
        return points.Zip(found).GroupBy(pair => pair.First.Of.Family.Name)
            .ToDictionary(group => group.Key, group => (IReadOnlyList<LoadPoint>)[.. group.Select(pair => pair.Second)]);
    }

    // One by one to whichever core is free: a run may take ten times as long as another.
    private TResult[] Each<TItem, TResult>(IReadOnlyList<TItem> items, Func<TItem, TResult> of)
    {
        var results = new TResult[items.Count];
        try
        {
            Parallel.ForEach(Partitioner.Create(Enumerable.Range(0, items.Count), EnumerablePartitionerOptions.NoBuffering), _parallel,
                i => results[i] = of(items[i]));
        }
        catch (AggregateException several)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(several.Flatten().InnerExceptions[0]);
        }
        return results;
    }
}

/// <summary>Where a contestant stands.</summary>
/// <param name="Family">Its family.</param>
/// <param name="Runs">The runs of the setting that did best.</param>
/// <param name="Capacity">Capacity if nobody protected the longest prompts.</param>
/// <param name="Protected">SLO capacity.</param>
public sealed record Standings(Family Family, ContestantRuns Runs, Capacity? Capacity, Capacity? Protected);

/// <summary>What a comparison found.</summary>
/// <param name="Scale">The rates of its steps.</param>
/// <param name="All">All contestants, as given.</param>
/// <param name="Ours">The router's own policy; null if it took no part.</param>
/// <param name="BestRival">The rival with the highest capacity; null if none keeps the promise.</param>
/// <param name="Overload">Both at one and a half times that.</param>
/// <param name="Curves">Points over the load, by name.</param>
public sealed record ComparisonResult(
    RateScale Scale, IReadOnlyList<Standings> All, Standings? Ours, Standings? BestRival, OverloadFigures? Overload,
    IReadOnlyDictionary<string, IReadOnlyList<LoadPoint>> Curves);
