using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Driving;

/// <summary>
/// Everything about an answer that is settled before its first token: which tokens, how many, what of them is shown, why it
/// ends. The engine only decides when each token comes.
/// </summary>
internal sealed record AnswerPlan
{
    /// <summary>The answer the tokens are taken from, unless they are fixed.</summary>
    public required SyntheticAnswer Synthetic { get; init; }

    /// <summary>Index in the answer of the first token generated.</summary>
    public int Start { get; init; }

    /// <summary>Tokens to generate.</summary>
    public required int OutputTokens { get; init; }

    /// <summary>stop, length or tool_calls.</summary>
    public required string FinishReason { get; init; }

    /// <summary>The stop string that ends it, if one does.</summary>
    public string? StopReason { get; init; }

    /// <summary>What the request allowed, for the metrics; null if it did not say.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>The tokens of a structured answer.</summary>
    public uint[]? FixedTokens { get; init; }

    /// <summary>The text where it is not simply four characters a token: structured, or cut by a stop string. ASCII.</summary>
    public string? FixedText { get; init; }

    /// <summary>Part of <see cref="FixedText"/> that is shown: a tool call's arguments, or all before a stop string.</summary>
    public Range Shown { get; init; } = Range.All;

    /// <summary>Name of the function called, for a tool call.</summary>
    public string? FunctionName { get; init; }

    /// <summary>Index of the token that ends the answer's reasoning, negative where that was emitted before; null for no reasoning.</summary>
    public int? ReasoningEnd => FixedTokens is null ? Synthetic.ReasoningEnd - Start : null;

    public uint Token(int index) => FixedTokens is null ? Synthetic.Token(Start + index) : FixedTokens[index];

    /// <summary>The text that token <paramref name="index"/> adds; may be empty for a fixed text.</summary>
    public string TextOf(int index)
    {
        if (FixedText is null)
            return Synthetic.Text(Start + index, 1);
        var (offset, length) = Shown.GetOffsetAndLength(FixedText.Length);
        int from = Math.Clamp(4 * index, offset, offset + length);
        return FixedText[from..Math.Clamp((4 * index) + 4, from, offset + length)];
    }

    /// <summary>The text of the first <paramref name="tokens"/> tokens, with four characters for the one that ends reasoning.</summary>
    public string TextOfAll(int tokens)
    {
        if (FixedText is null)
            return Synthetic.Text(Start, tokens);
        var (offset, length) = Shown.GetOffsetAndLength(FixedText.Length);
        return FixedText[offset..Math.Clamp(4 * tokens, offset, offset + length)];
    }

    /// <summary>An answer of synthetic text, as long as the request and the answer's own end say.</summary>
    /// <param name="resumed">The answer and how much of it was emitted.</param>
    /// <param name="sampling">The request's bounds.</param>
    /// <param name="room">Tokens that fit into the context after the prompt.</param>
    /// <param name="seed">Seed of the natural lengths.</param>
    public static AnswerPlan Text((SyntheticAnswer Answer, int Emitted) resumed, Sampling sampling, int room, ulong seed)
    {
        var (answer, emitted) = resumed;
        int limit = Math.Min(sampling.MaxTokens ?? room, room);
        int natural = sampling.IgnoreEos ? int.MaxValue : Math.Max(answer.NaturalLength(seed) - emitted, sampling.MinTokens);
        var plan = new AnswerPlan
        {
            Synthetic = answer,
            Start = emitted,
            OutputTokens = Math.Clamp(natural, 0, limit),
            FinishReason = natural <= limit ? "stop" : "length",
            MaxTokens = sampling.MaxTokens,
        };
        return sampling.Stop.Count == 0 ? plan : plan.CutBy(sampling);
    }

    /// <summary>An answer of given text, such as a JSON object.</summary>
    public static AnswerPlan Fixed(string text, SyntheticAnswer answer, Sampling sampling, int room, Range? shown = null, string? function = null)
    {
        var tokens = SyntheticTokenizer.Encode(text);
        int count = Math.Min(tokens.Length, Math.Min(sampling.MaxTokens ?? room, room));
        return new AnswerPlan
        {
            Synthetic = answer,
            OutputTokens = count,
            FinishReason = count < tokens.Length ? "length" : function is null ? "stop" : "tool_calls",
            MaxTokens = sampling.MaxTokens,
            FixedTokens = tokens,
            FixedText = text,
            Shown = shown ?? Range.All,
            FunctionName = function,
        };
    }

    /// <summary>The answer ends with the token that completes a stop string, which is not shown; not before min_tokens.</summary>
    private AnswerPlan CutBy(Sampling sampling)
    {
        string text = Synthetic.Text(Start, OutputTokens);
        var first = sampling.Stop
            .Select(stop => (Stop: stop, At: text.IndexOf(stop, Math.Min(text.Length, 4 * sampling.MinTokens), StringComparison.Ordinal)))
            .Where(found => found.At >= 0)
            .OrderBy(found => found.At + found.Stop.Length).ThenBy(found => found.At)
            .FirstOrDefault();
        return first.Stop is null ? this : this with
        {
            OutputTokens = (first.At + first.Stop.Length + 3) / 4,
            FinishReason = "stop",
            StopReason = first.Stop,
            FixedText = text,
            Shown = ..first.At,
        };
    }
}
