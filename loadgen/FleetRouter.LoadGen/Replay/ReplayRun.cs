using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Replay;

/// <summary>What a replay measured, while it goes on and after. Counters may be read at any time from any thread.</summary>
internal sealed class ReplayRun
{
    public const string TooLong = "prompts longer than --max-input-tokens or the model's limit";
    public const string AfterTooLong = "follow-ups of skipped prompts";

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, int> _skipped = new(StringComparer.Ordinal);
    private int _sent, _completed, _failed, _abandoned;

    /// <summary>Requests of the workload.</summary>
    public required int Total { get; init; }

    /// <summary>One for each request sent, in the order of their ends.</summary>
    public List<RequestRecord> Records { get; } = [];

    public GapHistogram Gaps { get; } = new();

    public int Sent => Volatile.Read(ref _sent);
    public int Completed => Volatile.Read(ref _completed);
    public int Failed => Volatile.Read(ref _failed);
    public int InFlight => Sent - Settled;

    /// <summary>Later turns never sent because a turn they follow failed.</summary>
    public int Abandoned => Volatile.Read(ref _abandoned);

    /// <summary>Requests not sent, by reason.</summary>
    public IReadOnlyDictionary<string, int> Skipped => _skipped;

    /// <summary>Requests that need no more waiting: ended, skipped or abandoned.</summary>
    public int Done { get { lock (_lock) return Records.Count + _skipped.Values.Sum() + _abandoned; } }

    private int Settled { get { lock (_lock) return Records.Count; } }

    /// <summary>From the run's start to its last end.</summary>
    public TimeSpan Duration { get; set; }

    /// <summary>Ended before the workload was.</summary>
    public bool Interrupted { get; set; }

    public void CountSent() => Interlocked.Increment(ref _sent);

    public void CountSkipped(string reason, int count = 1)
    {
        if (count == 0) return;
        lock (_lock) _skipped[reason] = _skipped.GetValueOrDefault(reason) + count;
    }

    public void CountAbandoned(int count) => Interlocked.Add(ref _abandoned, count);

    public void Add(RequestRecord record)
    {
        lock (_lock) Records.Add(record);
        if (record.Completed) Interlocked.Increment(ref _completed);
        else if (record.Failure is not null) Interlocked.Increment(ref _failed);
    }
}
