namespace FleetRouter.Simulation.Traces;

/// <summary>The trace formats that can be read.</summary>
public enum TraceFormat
{
    /// <summary>Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids of 512-token blocks.</summary>
    Mooncake,
    /// <summary>BurstGPT CSV: Timestamp (s), optional Session ID and Elapsed time, Model, token counts, Log Type.</summary>
    BurstGpt,
    /// <summary>Azure LLM inference 2023 CSV: TIMESTAMP, ContextTokens, GeneratedTokens.</summary>
    Azure,
    /// <summary>Claude Code sessions, JSON lines: one session a line with hash_runs, sub-agents and think times.</summary>
    ClaudeCode,
    /// <summary>LMCache agent calls, JSON lines: session, turn, timestamp (µs), input and output text.</summary>
    LmcacheAgent,
}

/// <summary>The formats' names on a command line.</summary>
public static class TraceFormats
{
    /// <summary>Every name with its format, in the order to list them.</summary>
    public static IReadOnlyList<(string Name, TraceFormat Format)> Names { get; } =
    [
        ("mooncake", TraceFormat.Mooncake), ("burstgpt", TraceFormat.BurstGpt), ("azure", TraceFormat.Azure),
        ("claude-code", TraceFormat.ClaudeCode), ("lmcache-agent", TraceFormat.LmcacheAgent),
    ];

    /// <summary>The format's name on a command line.</summary>
    public static string NameOf(TraceFormat format) => Names.Single(pair => pair.Format == format).Name;

    /// <summary>The format of that name; null for a name that is none, such as auto.</summary>
    public static TraceFormat? Named(string name) => Names.Where(pair => pair.Name == name).Select(pair => (TraceFormat?)pair.Format).FirstOrDefault();

    /// <summary>Tells the format from a trace's first line; null if it is none of them.</summary>
    public static TraceFormat? Detect(string firstLine) => firstLine switch
    {
        _ when firstLine.StartsWith('{') => DetectJson(firstLine),
        _ when firstLine.Contains("ContextTokens", StringComparison.Ordinal) => TraceFormat.Azure,
        _ when firstLine.Contains("Request tokens", StringComparison.Ordinal) => TraceFormat.BurstGpt,
        _ => null,
    };

    private static TraceFormat? DetectJson(string line)
    {
        bool Has(string field) => line.Contains($"\"{field}\"", StringComparison.Ordinal);
        // The agent trace holds arbitrary text, so the other two are told by fields at their beginning.
        var head = line[..Math.Min(line.Length, 400)];
        if (head.Contains("\"session\"", StringComparison.Ordinal) && Has("input") && Has("output")) return TraceFormat.LmcacheAgent;
        if (Has("hash_ids") && Has("input_length")) return TraceFormat.Mooncake;
        return Has("hash_runs") && Has("requests") ? TraceFormat.ClaudeCode : null;
    }
}
