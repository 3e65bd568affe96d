using System.Buffers.Text;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Texts that stand before and behind a model's reasoning. In the tokenizer of a model that reasons so, the one behind is a single token.</summary>
/// <param name="Before">May stand in the prompt, or be the first the model makes.</param>
/// <param name="Behind">What the model makes when its answer begins.</param>
/// <remarks>vLLM, vllm/reasoning: most models; Mistral's; Seed's. Models without such a token (gpt-oss' channels) cannot go on with their reasoning.</remarks>
internal sealed record ReasoningMarks(string Before, string Behind)
{
    public static readonly ReasoningMarks[] Known = [new("<think>", "</think>"), new("[THINK]", "[/THINK]"), new("<seed:think>", "</seed:think>")];

    /// <summary>What the model made, without what stands before its reasoning.</summary>
    public string Inside(string made) => made.StartsWith(Before, StringComparison.Ordinal) ? made[Before.Length..] : made;

    /// <summary>What the model made behind its reasoning; null where no end of it is to be found.</summary>
    public static string? BehindAny(string made)
    {
        foreach (ReasoningMarks marks in Known)
            if (made.IndexOf(marks.Behind, StringComparison.Ordinal) is >= 0 and var at)
                return made[(at + marks.Behind.Length)..];
        return null;
    }
}

/// <summary>Tells reasoning from text in what a plain completion makes, which knows no difference: by the one token between them.</summary>
/// <remarks>Text may be shown later than it is made, where it may become a stop string: hence the places, counted in characters since the
/// seam.</remarks>
internal sealed class ReasoningEnd(ReasoningMarks marks, int id)
{
    private int _made, _shown;
    private int _from = int.MaxValue, _to = int.MaxValue;   // the mark's text; empty where the engine does not show it

    public ReasoningMarks Marks => marks;

    /// <summary>Begins behind what an engine has made.</summary>
    /// <param name="ids">Ids of the answer's tokens, comma-separated.</param>
    /// <param name="unshown">Text of them that the client does not have.</param>
    public void Begin(ReadOnlySpan<byte> ids, string unshown)
    {
        if (Count(ids, out _) && unshown.IndexOf(marks.Behind, StringComparison.Ordinal) is var at)
            (_from, _to) = at < 0 ? (0, 0) : (at, at + marks.Behind.Length);
        _made = unshown.Length;
    }

    /// <summary>Takes an event of the completion; false if the reasoning ends somewhere in it, and nothing tells where.</summary>
    /// <param name="ids">Ids of its tokens, comma-separated.</param>
    /// <param name="text">Its text.</param>
    public bool Made(ReadOnlySpan<byte> ids, string text)
    {
        if (_from == int.MaxValue && Count(ids, out int tokens))
        {
            int at = text.IndexOf(marks.Behind, StringComparison.Ordinal);
            if (at < 0 && tokens > 1 && text.Length > 0)
                return false;
            _from = _made + Math.Max(0, at);
            _to = at < 0 ? _from : _from + marks.Behind.Length;
        }
        _made += text.Length;
        return true;
    }

    /// <summary>Parts what is shown next, of what was made.</summary>
    public (string Reasoning, string Text) Part(string shown)
    {
        int end = Math.Clamp(_from - _shown, 0, shown.Length), begin = Math.Clamp(_to - _shown, 0, shown.Length);
        _shown += shown.Length;
        return (shown[..end], shown[begin..]);
    }

    /// <summary>Counts ids; whether the mark's is one of them.</summary>
    private bool Count(ReadOnlySpan<byte> ids, out int count)
    {
        bool isThere = false;
        for (count = 0; ids.Length > 0; count++)
        {
            int comma = ids.IndexOf((byte)',');
            isThere |= Utf8Parser.TryParse((comma < 0 ? ids : ids[..comma]).Trim((byte)' '), out int one, out _) && one == id;
            ids = comma < 0 ? default : ids[(comma + 1)..];
        }
        return isThere;
    }
}
