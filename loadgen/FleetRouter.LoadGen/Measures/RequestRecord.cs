namespace FleetRouter.LoadGen.Measures;

/// <summary>What happened to one request. Instants are from the start of the run.</summary>
internal sealed class RequestRecord
{
    public const string UnknownInstance = "unknown";

    public required TimeSpan Scheduled { get; init; }
    public TimeSpan Sent { get; set; }
    public TimeSpan? FirstToken { get; set; }
    public TimeSpan LastToken { get; set; }
    public TimeSpan End { get; set; }
    public int TextChunks { get; set; }
    public int? PromptTokens { get; set; }
    public int? CachedTokens { get; set; }
    public int? CompletionTokens { get; set; }
    public string Instance { get; set; } = UnknownInstance;

    /// <summary>The answer's header came with a status of success.</summary>
    public bool HeaderSeen { get; set; }

    /// <summary>Kind of failure; null for a completed request.</summary>
    public string? Failure { get; set; }

    /// <summary>The run was ended before the request was: neither completed nor failed.</summary>
    public bool Unfinished { get; set; }

    public bool Completed => Failure is null && !Unfinished;
    public TimeSpan Lateness => Sent - Scheduled;

    /// <summary>From the scheduled instant, so that a late sender hides nothing.</summary>
    public TimeSpan? TimeToFirstToken => FirstToken - Scheduled;
    public TimeSpan EndToEnd => End - Scheduled;

    /// <summary>Mean time between this answer's tokens; zero where it has fewer than two.</summary>
    public TimeSpan TimePerOutputToken =>
        FirstToken is { } first && (CompletionTokens ?? TextChunks) is > 1 and var tokens ? (LastToken - first) / (tokens - 1) : TimeSpan.Zero;
}
