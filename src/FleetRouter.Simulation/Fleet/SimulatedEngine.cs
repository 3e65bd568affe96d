using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.Simulation.Fleet;

/// <summary>One engine of a simulated fleet: the engine model, and what befalls the process round it.</summary>
internal sealed class SimulatedEngine(int index, string? id, EngineProfile profile, EngineLimits limits, SharedCache? shared = null)
{
    private EngineModel _model = new(profile, limits, shared);
    private readonly int[] _faults = new int[Enum.GetValues<FaultKind>().Length];
    private EngineReport? _frozen;
    private SplitMix64 _babble = new((ulong)index);

    public int Index { get; } = index;

    public string Id { get; } = id ?? $"engine-{index:0000}";

    /// <summary>Counts the process's lives: what belongs to an earlier one is void.</summary>
    public int Life { get; private set; } = 1;

    public bool InStep { get; set; }

    /// <summary>When the step in flight ends.</summary>
    public TimeSpan StepEndsAt { get; set; }

    /// <summary>Requests sent to it that have not reached it yet.</summary>
    public List<PreparedRequest> OnTheWay { get; } = [];

    /// <summary>When it is due to look for work without being called; null if it is not.</summary>
    public TimeSpan? WakesAt { get; set; }

    public EngineModel Model => _model;

    public bool Has(FaultKind fault) => _faults[(int)fault] > 0;

    /// <summary>Whether it did not have this fault already; faults of one kind may overlap.</summary>
    public bool Begin(FaultKind fault)
    {
        if (fault == FaultKind.Freeze && !Has(fault))
            _frozen = Report();
        return ++_faults[(int)fault] == 1;
    }

    /// <summary>Whether it is free of this fault now.</summary>
    public bool End(FaultKind fault) => --_faults[(int)fault] == 0;

    /// <summary>The process is replaced by a new one with an empty cache.</summary>
    public void Die()
    {
        _model = new EngineModel(profile, limits, shared);
        (InStep, WakesAt) = (false, null);
        Life++;
    }

    public EngineReport Report() => Metrics() with { Models = [Has(FaultKind.Rename) ? "another" : PreparedWorkload.Model] };

    private EngineReport Metrics() =>
        Has(FaultKind.Babble) ? new EngineReport([], Any(int.MaxValue), Any(int.MaxValue), _babble.NextDouble(), 1 + Any(int.MaxValue) * (1L << 22),
            Any(int.MaxValue), Any(int.MaxValue), Any(3))
        : Has(FaultKind.Freeze) ? _frozen!
        : Has(FaultKind.Lie) ? new EngineReport([], 0, 0, 0, KvTokens, 0, 0, 1)
        : new EngineReport([], _model.Running, _model.Waiting, (double)_model.UsedBlocks / _model.KvBlocks, KvTokens,
            _model.Counters.PrefixQueries, _model.Counters.PrefixHits, Life);

    /// <summary>Nothing, next to nothing, or anything up to the most.</summary>
    private int Any(int most) => _babble.Below(3) switch { 0 => 0, 1 => _babble.Below(4), _ => most - _babble.Below(most) };

    private long KvTokens => _model.KvBlocks * (long)Text.BlockHash.BlockSize;
}
