using System.Threading.Tasks.Sources;

namespace FleetRouter.EngineSim.Driving;

/// <summary>How a generation ended.</summary>
internal enum GenerationEnd
{
    Running,
    Complete,

    /// <summary>Its client went away.</summary>
    Aborted,

    /// <summary>Its engine crashed.</summary>
    Lost,
}

/// <summary>
/// A request on its way through an engine, seen from its HTTP call. Tokens are a function of their index, so the engine only
/// says how many there are. One reader; the engine never waits for it.
/// </summary>
internal sealed class Generation(long id, AnswerPlan answer, bool wholeOnly) : IValueTaskSource
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _signal = new() { RunContinuationsAsynchronously = true };
    private bool _awaited;

    public long Id { get; } = id;

    /// <summary>What it generates.</summary>
    public AnswerPlan Answer { get; } = answer;

    /// <summary>Tokens generated so far.</summary>
    public int Tokens { get; private set; }

    public GenerationEnd End { get; private set; }

    public int CachedTokens { get; private set; }

    /// <summary>Tokens and end as they belong together.</summary>
    public (int Tokens, GenerationEnd End) Progress
    {
        get
        {
            lock (_gate)
                return (Tokens, End);
        }
    }

    /// <summary>Completes when there are more than <paramref name="seen"/> tokens or the generation has ended.</summary>
    public ValueTask MoreThanAsync(int seen)
    {
        lock (_gate)
        {
            if (End != GenerationEnd.Running || (!wholeOnly && Tokens > seen))
                return ValueTask.CompletedTask;
            _signal.Reset();
            _awaited = true;
            return new ValueTask(this, _signal.Version);
        }
    }

    public void Report(int tokens, int cachedTokens, GenerationEnd end)
    {
        lock (_gate)
        {
            if (End != GenerationEnd.Running)
                return;
            (Tokens, CachedTokens, End) = (Math.Max(Tokens, tokens), cachedTokens, end);
            if (!_awaited || (wholeOnly && end == GenerationEnd.Running))
                return;
            _awaited = false;
        }
        _signal.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token) => _signal.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _signal.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal.OnCompleted(continuation, state, token, flags);
}
