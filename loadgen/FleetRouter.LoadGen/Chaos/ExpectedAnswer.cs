using FleetRouter.Simulation.Text;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>What a stand-in must answer to a request: known before it is sent, since every token is a function of the prompt.</summary>
/// <param name="Prompt">The prompt's tokens.</param>
/// <param name="Tokens">The answer's tokens.</param>
/// <param name="Text">What of them is shown, reasoning first; four characters a token, also for the one between reasoning and answer.</param>
/// <param name="FinishReason">stop, length or tool_calls.</param>
/// <param name="StopReason">The stop string that ends it; null if none does.</param>
internal sealed record ExpectedAnswer(uint[] Prompt, uint[] Tokens, string Text, string FinishReason, string? StopReason)
{
    /// <summary>Name of the function called; null where the answer is text.</summary>
    public string? Function { get; init; }

    /// <summary>An answer in words.</summary>
    /// <param name="prompt">The prompt's tokens.</param>
    /// <param name="seed">The stand-ins' seed.</param>
    /// <param name="bounds">What the request says about the answer's end.</param>
    public static ExpectedAnswer InWords(uint[] prompt, ulong seed, AnswerBounds bounds)
    {
        var answer = SyntheticAnswer.To(prompt);
        var own = bounds.IgnoreEos ? int.MaxValue : Math.Max(answer.NaturalLength(seed), bounds.MinTokens);
        var tokens = Math.Min(own, bounds.MaxTokens ?? int.MaxValue);
        var text = answer.Text(0, tokens);
        var (stop, at) = bounds.Stop
            .Select(stop => (Stop: stop, At: text.IndexOf(stop, Math.Min(text.Length, 4 * bounds.MinTokens), StringComparison.Ordinal)))
            .Where(found => found.At >= 0)
            .OrderBy(found => found.At + found.Stop.Length).ThenBy(found => found.At)
            .FirstOrDefault();
        return stop is null
            ? new ExpectedAnswer(prompt, Ids(answer, tokens), Shown(text), own <= tokens ? "stop" : "length", null)
            : new ExpectedAnswer(prompt, Ids(answer, (at + stop.Length + 3) / 4), Shown(text[..at]), "stop", stop);
    }

    /// <summary>A JSON object, or the arguments of a call, that the request's schema leaves no choice about.</summary>
    /// <param name="prompt">The prompt's tokens.</param>
    /// <param name="json">The object.</param>
    /// <param name="function">The function called with it; null for none.</param>
    public static ExpectedAnswer InJson(uint[] prompt, string json, string? function = null) => function is null
        ? new ExpectedAnswer(prompt, SyntheticTokenizer.Encode(json), json, "stop", null)
        : new ExpectedAnswer(prompt, SyntheticTokenizer.Encode($$"""{"name": "{{function}}", "arguments": {{json}}}"""), json, "tool_calls", null) { Function = function };

    /// <summary>Nobody sees the end of reasoning where nothing comes behind it.</summary>
    private static string Shown(string text) => text.EndsWith(SyntheticTokenizer.ReasoningEndsMark, StringComparison.Ordinal) ? text[..^4] : text;

    private static uint[] Ids(SyntheticAnswer answer, int tokens) => [.. Enumerable.Range(0, tokens).Select(answer.Token)];
}

/// <summary>What a request says about the end of its answer.</summary>
internal sealed record AnswerBounds
{
    /// <summary>Most tokens; null for as many as the answer has.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Fewest tokens before the answer's own end or a stop string counts.</summary>
    public int MinTokens { get; init; }

    /// <summary>Whether the answer's own end is ignored.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>Strings that end the answer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];
}
