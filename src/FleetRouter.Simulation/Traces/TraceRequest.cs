namespace FleetRouter.Simulation.Traces;

/// <summary>One message of a chat prompt.</summary>
/// <param name="Role">system, user or assistant.</param>
/// <param name="Text">What it says.</param>
public sealed record PromptMessage(string Role, PromptText Text);

/// <summary>
/// When a turn may start: every turn of After has ended and ThinkTime has passed since the last of those ends, and
/// SinceStart has passed since the last of their starts. A turn that follows nothing starts ThinkTime after its session.
/// </summary>
/// <param name="After">Indices of earlier turns of the same session; empty for a session's first turn.</param>
/// <param name="ThinkTime">From the end of what it follows to its start.</param>
/// <param name="SinceStart">From the start of what it follows to its start, for traces that record starts alone; else zero.</param>
public sealed record Release(IReadOnlyList<int> After, TimeSpan ThinkTime, TimeSpan SinceStart = default)
{
    /// <summary>At the session's own start.</summary>
    public static readonly Release AtSessionStart = new([], TimeSpan.Zero);
}

/// <summary>One request of a trace.</summary>
/// <param name="Release">When it may start.</param>
/// <param name="Prompt">What it says, message by message.</param>
/// <param name="OutputTokens">Tokens of the answer, 1 or more (a recorded 0 counts as 1: an engine cannot answer nothing).</param>
/// <param name="Conversation">Name of the conversation for session affinity; null where the trace has none.</param>
public sealed record TraceRequest(
    Release Release, IReadOnlyList<PromptMessage> Prompt, int OutputTokens, string? Conversation = null)
{
    /// <summary>Length of all messages, tokens.</summary>
    public int PromptTokens { get; } = Prompt.Sum(message => message.Text.Tokens);
}

/// <summary>Requests tied by causality; a request of its own is a session of one turn.</summary>
/// <param name="Start">When it starts, from the start of the trace.</param>
/// <param name="Turns">In causal order: each turn follows only turns of lower index.</param>
public sealed record TraceSession(TimeSpan Start, IReadOnlyList<TraceRequest> Turns)
{
    /// <summary>A request that follows nothing.</summary>
    public static TraceSession Lone(TimeSpan start, BlockText prompt, int outputTokens) =>
        new(start, [new TraceRequest(Release.AtSessionStart, [new("user", prompt)], outputTokens)]);
}
