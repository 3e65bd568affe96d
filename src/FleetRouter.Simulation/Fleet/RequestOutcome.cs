namespace FleetRouter.Simulation.Fleet;

/// <summary>How a request of a run ended.</summary>
public enum OutcomeKind
{
    /// <summary>The run ended first: never offered, or never answered.</summary>
    Open,

    /// <summary>Answered whole.</summary>
    Completed,

    /// <summary>Refused by the router.</summary>
    Refused,

    /// <summary>Broken off by an engine's fault.</summary>
    Broken,

    /// <summary>Answered by the engine that it is longer than the context: an error to the client, a whole answer to the gateway.</summary>
    TooLong,

    /// <summary>Given up by its client.</summary>
    Left,
}

/// <summary>What became of one request, as its client saw it.</summary>
public sealed class RequestOutcome(PreparedRequest request)
{
    /// <summary>The request.</summary>
    public PreparedRequest Request { get; } = request;

    /// <summary>How it ended.</summary>
    public OutcomeKind Kind { get; internal set; }

    /// <summary>Whether it was neither answered nor refused, nor given up by its client: it, or what it waits for, hangs or was lost.</summary>
    public bool IsUnfinished => Kind is OutcomeKind.Open or OutcomeKind.Broken;

    /// <summary>When it reached the gateway; null if its turn never came.</summary>
    public TimeSpan? OfferedAt { get; internal set; }

    /// <summary>When its first token reached the gateway.</summary>
    public TimeSpan? FirstTokenAt { get; internal set; }

    /// <summary>When its last token reached the gateway, or the router refused it.</summary>
    public TimeSpan? EndedAt { get; internal set; }

    /// <summary>Index of the engine it was last sent to; -1 for none, or after that attempt failed.</summary>
    public int Engine { get; internal set; } = -1;

    /// <summary>Prompt tokens that engine found in its cache.</summary>
    public int CachedTokens { get; internal set; }

    /// <summary>Tokens received, of all attempts together.</summary>
    public int OutputTokens { get; internal set; }

    /// <summary>The longest time between two tokens.</summary>
    public TimeSpan LongestGap { get; internal set; }

    /// <summary>Times the answer broke off and went on elsewhere.</summary>
    public int Resumes { get; internal set; }

    /// <summary>Times it was moved before a first token.</summary>
    public int Moves { get; internal set; }

    /// <summary>Times it was carried over while it was answered.</summary>
    public int Migrations { get; internal set; }

    /// <summary>Tokens of prompt and answer that were carried over, all times together.</summary>
    public long MovedTokens { get; internal set; }

    /// <summary>The longest time from such a cut to the first token behind it.</summary>
    public TimeSpan LongestSeam { get; internal set; }

    /// <summary>Whether it was asked of a second engine too, since its first token was late.</summary>
    public bool WasHedged => Second is not null;

    /// <summary>Whether that engine answered.</summary>
    public bool SecondWon => Second is { HasWon: true };

    /// <summary>Times it was sent to an engine.</summary>
    public int Attempts { get; internal set; }

    /// <summary>Tokens received before the attempt in hand.</summary>
    internal int AttemptStart { get; set; }

    /// <summary>What the attempt in hand asked its engine for; tokens of another are not its.</summary>
    internal Engine.EngineRequest? Asked { get; set; }

    /// <summary>When its latest token reaches the gateway.</summary>
    internal TimeSpan? LastTokenAt { get; set; }

    /// <summary>Its being carried over; null while it is not.</summary>
    internal CarryingOver? Carried { get; set; }

    /// <summary>Its attempt on a second engine; null without one.</summary>
    internal SecondAttempt? Second { get; set; }

    /// <summary>When the gateway last sent or received something for it.</summary>
    internal TimeSpan LastActivity { get; set; }

    /// <summary>From its offer to its first token.</summary>
    public TimeSpan? TimeToFirstToken => FirstTokenAt - OfferedAt;

    /// <summary>Mean time between its tokens; zero for a single one.</summary>
    public TimeSpan? InterTokenTime => FirstTokenAt is { } first && EndedAt is { } last && Kind == OutcomeKind.Completed
        ? (last - first) / Math.Max(1, OutputTokens - 1)
        : null;
}

/// <summary>A finished run.</summary>
/// <param name="Outcomes">Every request of the workload, in order of index.</param>
/// <param name="Engines">What each engine did.</param>
/// <param name="Events">Events handled.</param>
/// <param name="LoadVariation">Coefficient of variation between instances of their pending prefill tokens, averaged over the run's probes.</param>
/// <param name="Leases">Leases the pool still holds; 0 unless one leaked.</param>
public sealed record FleetRun(
    IReadOnlyList<RequestOutcome> Outcomes, IReadOnlyList<Engine.EngineCounters> Engines, long Events, double LoadVariation, int Leases)
{
    /// <summary>The requests answered whole.</summary>
    public IEnumerable<RequestOutcome> Answered => Outcomes.Where(outcome => outcome.Kind == OutcomeKind.Completed);

    /// <summary>Prompt tokens found in an engine's cache, of all prompt tokens answered.</summary>
    public double HitTokenShare => (double)Answered.Sum(o => (long)o.CachedTokens) / Math.Max(1, Answered.Sum(o => (long)o.Request.PromptTokens));
}
