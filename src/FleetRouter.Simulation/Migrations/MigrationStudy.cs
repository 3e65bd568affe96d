using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Comparison;
using FleetRouter.Simulation.Fleet;

namespace FleetRouter.Simulation.Migrations;

/// <summary>A cell with migration on and off, side by side.</summary>
/// <param name="name">What the report calls the cell.</param>
/// <param name="cells">Workload, fleet and promise, once for each seed: near its capacity one run differs from the next by more than moving
/// is worth, so that every figure is of all of them together.</param>
/// <param name="policy">A policy's name, or one of <see cref="Blind"/>.</param>
/// <param name="highShare">Share of the requests that are of high priority in the runs that tell what that is worth, above 0, at most 1.</param>
public sealed class MigrationStudy(string name, IReadOnlyList<Cell> cells, string policy, double highShare)
{
    /// <summary>Load balancers that do not look at room.</summary>
    public static IReadOnlyList<string> Blind { get; } = ["blind-round-robin", "blind-least-requests"];

    /// <summary>Loads the two are compared at, in parts of the SLO capacity without migration.</summary>
    private static readonly double[] Loads = [0.8, 1, 1.15];

    private readonly (Cell Cell, RateScale Scale)[] _seeds = [.. cells.Select(cell => (cell, new RateScale(cell.Workload)))];
    private readonly Dictionary<(bool, int), FleetRun[]> _runs = [];

    /// <summary>Runs it.</summary>
    /// <param name="ran">Told of each run.</param>
    /// <param name="stop">Ends it early.</param>
    public MigrationReport Run(Action<string>? ran, CancellationToken stop)
    {
        (Cell cell, RateScale scale) = _seeds[0];
        int start = scale.StepFor(WorkingSet.EstimatedRate(cell.Workload, cell.Profile, cell.Instances));
        FleetRun[] At(bool on, int step)
        {
            if (_runs.TryGetValue((on, step), out FleetRun[]? runs))
                return runs;
            return _runs[(on, step)] = Runs(on, step, workload => workload);
        }
        FleetRun[] Runs(bool on, int step, Func<PreparedWorkload, PreparedWorkload> of) => [.. _seeds.Select(seed =>
        {
            stop.ThrowIfCancellationRequested();
            ran?.Invoke($"{name}, {policy}");
            return Once(seed.Cell, of(seed.Cell.Workload), on, seed.Scale.PaceAt(step));
        })];
        int? Capacity(bool on, int from) =>
            new CapacitySearch(step => !At(on, step).Any(run => run.Outcomes.Any(outcome => outcome.IsUnfinished)) && Figures(At(on, step), step).GoodShare >= PolicyComparison.GoodShare, RateAt).Find(from)?.Step;
        int? off = Capacity(false, start), with = Capacity(true, off ?? start);
        int knee = off ?? start;
        MigrationPair[] pairs = [.. Loads.Select(load =>
        {
            int step = scale.StepFor(load * scale.RateAt(knee));
            return new MigrationPair(load, Figures(At(false, step), step), Figures(At(true, step), step));
        })];
        int ranked = with ?? knee;
        return new MigrationReport(name, policy, cell.Instances, cell.KvTokens, cell.Workload.All.Count, cells.Count, Rate(off), Rate(with), pairs,
            Priorities(ranked, At(true, ranked), Runs(true, ranked, workload => workload.With(request => request.ForRouter with { Priority = IsHigh(request) ? 1 : 0 }))));
    }

    private double RateAt(int step) => _seeds.Average(seed => seed.Scale.RateAt(step));

    private double? Rate(int? step) => step is { } found ? RateAt(found) : null;

    private MigrationFigures Figures(FleetRun[] runs, int step, Func<RequestOutcome, bool>? which = null) =>
        MigrationFigures.Of(runs, RateAt(step), cells[0].Slo, which);

    /// <summary>Evenly spread, whatever the share.</summary>
    private bool IsHigh(PreparedRequest request) => request.Index * 0.6180339887498949 % 1 < highShare;

    /// <summary>The same requests as high ones among the others, and as requests like the others.</summary>
    private PriorityFigures Priorities(int step, FleetRun[] plain, FleetRun[] ordered) => new(
        Figures(plain, step, outcome => IsHigh(outcome.Request)), Figures(ordered, step, outcome => IsHigh(outcome.Request)),
        Figures(plain, step, outcome => !IsHigh(outcome.Request)), Figures(ordered, step, outcome => !IsHigh(outcome.Request)));

    private FleetRun Once(Cell cell, PreparedWorkload workload, bool on, double pace)
    {
        bool isBlind = Blind.Contains(policy);
        FleetSetup setup = cell.Setup(new PoolOptions { Name = "sim", Policy = isBlind ? "round-robin" : policy, Migration = on });
        return FleetSimulation.Run(workload, setup with
        {
            Referee = !isBlind ? null : policy == Blind[0] ? _ => new BlindRoundRobin() : _ => new BlindLeastRequests(),
        }, pace);
    }
}

/// <summary>What a study found.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Policy">The placement policy.</param>
/// <param name="Instances">Engines.</param>
/// <param name="KvTokensPerInstance">KV capacity of each, tokens.</param>
/// <param name="Requests">Requests of the workload.</param>
/// <param name="Seeds">Runs, each with a seed of its own, that every figure is of.</param>
/// <param name="CapacityOffRps">SLO capacity without migration: the highest rate at which nine tenths of the offered requests meet the promise, and each ends or is refused; null if none.</param>
/// <param name="CapacityOnRps">The same with it.</param>
/// <param name="Loads">Both at the same rates.</param>
/// <param name="Priorities">High priority against none, at the capacity with migration.</param>
public sealed record MigrationReport(
    string Cell, string Policy, int Instances, long KvTokensPerInstance, int Requests, int Seeds, double? CapacityOffRps, double? CapacityOnRps,
    IReadOnlyList<MigrationPair> Loads, PriorityFigures Priorities);

/// <summary>Without and with migration at one rate.</summary>
/// <param name="Load">The rate in parts of the capacity without.</param>
/// <param name="Off">Without.</param>
/// <param name="On">With.</param>
public sealed record MigrationPair(double Load, MigrationFigures Off, MigrationFigures On);

/// <summary>What high priority is worth, to the requests that have it and to the others.</summary>
/// <param name="HighUnranked">Those requests, where nobody has priority.</param>
/// <param name="High">The same where they have it.</param>
/// <param name="NormalUnranked">The others, where nobody has it.</param>
/// <param name="Normal">The others beside those that have it.</param>
public sealed record PriorityFigures(MigrationFigures HighUnranked, MigrationFigures High, MigrationFigures NormalUnranked, MigrationFigures Normal);
