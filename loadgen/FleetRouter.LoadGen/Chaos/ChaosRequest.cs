namespace FleetRouter.LoadGen.Chaos;

/// <summary>What ends a request's answer, or makes it special.</summary>
internal enum RequestKind
{
    /// <summary>Its own end.</summary>
    Plain,

    /// <summary>max_tokens.</summary>
    MaxTokens,

    /// <summary>A stop string that spans two tokens.</summary>
    Stop,

    /// <summary>Its own end, put off by min_tokens.</summary>
    MinTokens,

    /// <summary>The client, who leaves after some tokens.</summary>
    Cancel,

    /// <summary>A JSON schema: cannot be resumed.</summary>
    Schema,

    /// <summary>A forced tool call: cannot be resumed.</summary>
    Tool,

    /// <summary>Log probabilities are asked for: cannot be resumed.</summary>
    LogProbs,
}

/// <summary>One request, and all that must be true of its answer.</summary>
internal sealed record ChaosRequest
{
    /// <summary>From 0; seed and number make the request.</summary>
    public required int Number { get; init; }

    public required RequestKind Kind { get; init; }

    /// <summary>Chat, or completions.</summary>
    public required bool Chat { get; init; }

    public required bool Streams { get; init; }

    public required string Model { get; init; }

    /// <summary>The JSON body.</summary>
    public required byte[] Body { get; init; }

    public required ExpectedAnswer Expected { get; init; }

    /// <summary>The usage is asked for; an unstreamed answer has it always.</summary>
    public bool Usage { get; init; }

    /// <summary>Every chunk shall say the usage so far.</summary>
    public bool ContinuousUsage { get; init; }

    /// <summary>It has stop strings, whether they come or not: then text may come later than its tokens are counted.</summary>
    public bool HasStop { get; init; }

    /// <summary>The answer begins with reasoning.</summary>
    public bool Reasons { get; init; }

    /// <summary>The client asks for token ids itself.</summary>
    public bool TokenIds { get; init; }

    /// <summary>Tokens after which the client leaves; null if it stays.</summary>
    public int? CancelAfter { get; init; }

    /// <summary>The conversation it names in a header; null for none.</summary>
    public string? Session { get; init; }

    /// <summary>Tokens after which a fault is aimed at it; null if it is left to chance.</summary>
    public int? Aim { get; init; }

    public bool Resumable => Kind is not (RequestKind.Schema or RequestKind.Tool or RequestKind.LogProbs);

    public string Path => Chat ? "/v1/chat/completions" : "/v1/completions";

    /// <summary>In one word or two, for people.</summary>
    public string Label => $"{(Chat ? "chat" : "completion")} {Kind}{(Streams ? "" : " unstreamed")}{(HasStop && Kind != RequestKind.Stop ? " with a stop string" : "")}{(Reasons ? " reasoning" : "")}{(TokenIds ? " token-ids" : "")}{(ContinuousUsage ? " continuous-usage" : Usage ? " usage" : "")}";
}
