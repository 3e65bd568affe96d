namespace FleetRouter.Simulation.Engine;

/// <summary>What a step did to a request.</summary>
public enum EngineEventKind
{
    /// <summary>Its first token was generated.</summary>
    FirstToken,

    /// <summary>A further token was generated.</summary>
    Token,

    /// <summary>It is complete; follows its last token's event.</summary>
    Finished,

    /// <summary>It lost its blocks to others and waits again, at the head of the queue.</summary>
    Preempted,
}

/// <summary>One thing that happened in a step.</summary>
/// <param name="Kind">What.</param>
/// <param name="Request">To which request.</param>
/// <param name="OutputTokens">Tokens generated for it so far, this one included.</param>
/// <param name="Interval">Since its arrival for the first token and for the end, since its previous token for a further one.</param>
/// <param name="Times">The request's times; changes no more once it has finished.</param>
public readonly record struct EngineEvent(
    EngineEventKind Kind, EngineRequest Request, int OutputTokens, TimeSpan Interval, RequestTimes Times);

/// <summary>When a request came how far, on the engine's clock.</summary>
public sealed class RequestTimes
{
    /// <summary>When it was submitted.</summary>
    public TimeSpan Arrived { get; internal set; }

    /// <summary>When it first got a place in a step.</summary>
    public TimeSpan FirstScheduled { get; internal set; }

    /// <summary>When its first token was ready.</summary>
    public TimeSpan FirstToken { get; internal set; }

    /// <summary>When its latest token was ready.</summary>
    public TimeSpan LastToken { get; internal set; }

    /// <summary>Prompt tokens found in the prefix cache when it was first scheduled.</summary>
    public int CachedTokens { get; internal set; }
}

/// <summary>What became of a submitted request.</summary>
public enum Admission
{
    /// <summary>It waits for its turn.</summary>
    Accepted,

    /// <summary>As many requests wait as may.</summary>
    TooManyRequests,

    /// <summary>As many prompt tokens wait as may.</summary>
    TooManyTokens,

    /// <summary>Prompt and answer are longer than the context; the engine could never finish it.</summary>
    TooLong,
}

/// <summary>The step an engine begins.</summary>
/// <param name="Duration">How long it takes; zero if there is nothing to compute.</param>
/// <param name="WakeAt">With nothing to compute: when a request becomes ready to be scheduled; null if none waits.</param>
/// <param name="Load">What it computes.</param>
/// <param name="Time">The terms of its duration.</param>
public readonly record struct StepPlan(TimeSpan Duration, TimeSpan? WakeAt, StepLoad Load, StepTime Time)
{
    /// <summary>Whether there is nothing to compute.</summary>
    public bool IsIdle => Load.Sequences == 0;

    /// <summary>Tokens the step computes.</summary>
    public int Tokens => Load.PrefillTokens + Load.DecodeTokens;
}

/// <summary>What an engine has done since it started; all counts only grow.</summary>
public sealed class EngineCounters
{
    /// <summary>Steps completed.</summary>
    public long Steps { get; internal set; }

    /// <summary>Prompt tokens of the requests that got their first token, cached ones included.</summary>
    public long PromptTokens { get; internal set; }

    /// <summary>Of those, the tokens that came from the prefix cache.</summary>
    public long CachedPromptTokens { get; internal set; }

    /// <summary>Tokens looked up in the prefix cache, once a request.</summary>
    public long PrefixQueries { get; internal set; }

    /// <summary>Tokens found there.</summary>
    public long PrefixHits { get; internal set; }

    /// <summary>Prompt tokens computed, those computed again after a preemption included.</summary>
    public long ComputedPrefillTokens { get; internal set; }

    /// <summary>Tokens generated.</summary>
    public long GeneratedTokens { get; internal set; }

    /// <summary>Preemptions.</summary>
    public long Preemptions { get; internal set; }

    /// <summary>Requests accepted.</summary>
    public long Accepted { get; internal set; }

    /// <summary>Requests refused, for whatever reason.</summary>
    public long Refused { get; internal set; }

    /// <summary>Requests completed.</summary>
    public long Finished { get; internal set; }

    /// <summary>Requests aborted by their caller.</summary>
    public long Aborted { get; internal set; }
}
