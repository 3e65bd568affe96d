using FleetRouter.Domain.Fleet;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Fleet;

/// <summary>One engine of a simulated fleet: the engine model, and what befalls the process round it.</summary>
internal sealed class SimulatedEngine(int index, EngineProfile profile, EngineLimits limits)
{
    private EngineModel _model = new(profile, limits);
    private readonly HashSet<FaultKind> _faults = [];

    public int Index { get; } = index;

    public string Id { get; } = $"engine-{index:0000}";

    /// <summary>Counts the process's lives: what belongs to an earlier one is void.</summary>
    public int Life { get; private set; } = 1;

    public bool InStep { get; set; }

    /// <summary>When it is due to look for work without being called; null if it is not.</summary>
    public TimeSpan? WakesAt { get; set; }

    public EngineModel Model => _model;

    public bool Has(FaultKind fault) => _faults.Contains(fault);

    public void Begin(FaultKind fault) => _faults.Add(fault);

    public void End(FaultKind fault) => _faults.Remove(fault);

    /// <summary>The process is replaced by a new one with an empty cache.</summary>
    public void Die()
    {
        _model = new EngineModel(profile, limits);
        (InStep, WakesAt) = (false, null);
        Life++;
    }

    public EngineReport Report() => Has(FaultKind.Lie)
        ? new EngineReport([RequestPreparation.Model], 0, 0, 0, KvTokens, 0, 0, 1)
        : new EngineReport([RequestPreparation.Model], _model.Running, _model.Waiting, (double)_model.UsedBlocks / _model.KvBlocks, KvTokens,
            _model.Counters.PrefixQueries, _model.Counters.PrefixHits, Life);

    private long KvTokens => _model.KvBlocks * (long)Text.BlockHash.BlockSize;
}
