namespace FleetRouter.Simulation.Traces;

/// <summary>The text of one message of a prompt, as far as the trace knows it.</summary>
public abstract record PromptText
{
    /// <summary>Length in tokens, at four UTF-8 bytes a token, rounded up.</summary>
    public abstract int Tokens { get; }
}

/// <summary>Text given by the trace itself.</summary>
/// <param name="Text">The text as recorded.</param>
public sealed record LiteralText(string Text) : PromptText
{
    /// <inheritdoc/>
    public override int Tokens { get; } = TokensOf(Text);

    internal static int TokensOf(string text) => (System.Text.Encoding.UTF8.GetByteCount(text) + 3) / 4;
}

/// <summary>
/// What the engine answered to an earlier turn of the same session. Only a run knows the text; its length is the
/// output length that turn asks for.
/// </summary>
/// <param name="Turn">Index of the answered turn in its session.</param>
/// <param name="OutputTokens">That turn's output length, tokens.</param>
public sealed record AnswerText(int Turn, int OutputTokens) : PromptText
{
    /// <inheritdoc/>
    public override int Tokens => OutputTokens;
}
