namespace FleetRouter.EngineSim.Faults;

/// <summary>The faults an engine has at present. Safe for concurrent use.</summary>
public sealed class FaultPlan
{
    private readonly Lock _gate = new();
    private readonly List<Entry> _entries = [];

    internal FaultPlan()
    {
    }

    /// <summary>Raised after a fault was added or the faults were cleared.</summary>
    internal event Action? Changed;

    /// <summary>The faults that still strike, with the times left to them.</summary>
    public IReadOnlyList<Fault> Active
    {
        get
        {
            lock (_gate)
                return [.. _entries.Select(entry => entry.Fault with { Times = entry.Left })];
        }
    }

    /// <summary>Adds a fault. Where several fit a request the oldest strikes.</summary>
    /// <exception cref="ArgumentException">A number is out of its range.</exception>
    public void Add(Fault fault)
    {
        if (fault.Times < 1)
            throw new ArgumentException($"times is {fault.Times}; it must be at least 1, or absent for always");
        if (fault.AfterTokens < 0)
            throw new ArgumentException($"after_tokens is {fault.AfterTokens}; it must be at least 0");
        if (!(fault.Factor > 0) || double.IsInfinity(fault.Factor))
            throw new ArgumentException($"factor is {fault.Factor}; it must be above 0");
        if (fault.RestartAfterSeconds is { } seconds && !(seconds is >= 0 and <= 86_400))
            throw new ArgumentException($"restart_after_s is {seconds}; it must be 0 to 86400");
        lock (_gate)
            _entries.Add(new Entry(fault) { Left = fault.Times });
        Changed?.Invoke();
    }

    /// <summary>Takes all faults back.</summary>
    public void Clear()
    {
        lock (_gate)
            _entries.Clear();
        Changed?.Invoke();
    }

    /// <summary>The factor all active slow faults make together.</summary>
    internal double Slowness
    {
        get
        {
            lock (_gate)
                return _entries.Where(entry => entry.Fault.Kind == FaultKind.Slow).Aggregate(1.0, (factor, entry) => factor * entry.Fault.Factor);
        }
    }

    internal bool IsUnhealthy
    {
        get
        {
            lock (_gate)
                return _entries.Exists(entry => entry.Fault.Kind == FaultKind.Unhealthy);
        }
    }

    /// <summary>The fault that strikes the next request, if any; counts it.</summary>
    internal Fault? Take()
    {
        lock (_gate)
        {
            int index = _entries.FindIndex(entry => entry.Fault.Kind
                is FaultKind.Reject or FaultKind.Error or FaultKind.Cut or FaultKind.Stall or FaultKind.Garbage or FaultKind.Empty);
            if (index < 0)
                return null;
            var entry = _entries[index];
            if (entry.Left is { } left && (entry.Left = left - 1) == 0)
                _entries.RemoveAt(index);
            return entry.Fault;
        }
    }

    private sealed class Entry(Fault fault)
    {
        public Fault Fault => fault;
        public int? Left { get; set; }
    }
}
