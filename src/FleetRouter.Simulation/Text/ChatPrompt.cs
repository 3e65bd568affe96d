namespace FleetRouter.Simulation.Text;

/// <summary>One message of a conversation, as plain text.</summary>
/// <param name="Role">system, user, assistant, tool, ...</param>
/// <param name="Content">The text; empty where the message has none.</param>
public readonly record struct ChatMessage(string Role, string Content);

/// <summary>A conversation as the engine reads it.</summary>
/// <param name="Tokens">The whole prompt, already emitted tokens included.</param>
/// <param name="EmittedTokens">How many tokens at the end belong to the answer already: 0 unless the final message is continued.</param>
public readonly record struct RenderedChat(uint[] Tokens, int EmittedTokens);

/// <summary>
/// The chat template: <c>&lt;|role|&gt;\n</c>, content, <c>&lt;|end|&gt;\n</c> for each message, then the generation
/// prompt <c>&lt;|assistant|&gt;\n</c>. Each segment is tokenized on its own, so turns of a conversation share prefixes
/// exactly, and an answer sent back as history has the very tokens the engine generated for it.
/// </summary>
public static class ChatPrompt
{
    internal static readonly uint[] End = SyntheticTokenizer.Encode("<|end|>\n");

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The conversation, oldest first; at least one message.</param>
    /// <param name="addGenerationPrompt">Whether the assistant's header is put at the end, so that an answer begins.</param>
    /// <param name="continueFinalMessage">Whether the final message, an assistant's, is left open and continued.</param>
    /// <param name="tools">The tools as JSON text, rendered before the first message; null for none.</param>
    /// <param name="reasons">Whether the answer is to begin with reasoning: the generation prompt opens it.</param>
    /// <exception cref="ArgumentException">Both flags are set, or the final message to continue is missing.</exception>
    public static RenderedChat Render(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = true, bool continueFinalMessage = false, string? tools = null, bool reasons = false)
    {
        if (addGenerationPrompt && continueFinalMessage)
            throw new ArgumentException("Cannot set both `continue_final_message` and `add_generation_prompt` to True.");
        if (continueFinalMessage && (messages.Count == 0 || messages[^1].Role != "assistant"))
            throw new ArgumentException("`continue_final_message` needs a final message of the assistant.");

        var tokens = new List<uint>();
        if (tools is not null)
            AppendMessage(new ChatMessage("tools", tools), tokens);
        for (int i = 0; i < messages.Count - 1; i++)
            AppendMessage(messages[i], tokens);

        int emitted = 0;
        if (continueFinalMessage)
        {
            AppendHeader("assistant", tokens);
            int start = tokens.Count;
            SyntheticTokenizer.Append(messages[^1].Content, tokens);
            emitted = tokens.Count - start;
        }
        else if (messages.Count > 0)
        {
            AppendMessage(messages[^1], tokens);
        }
        if (addGenerationPrompt)
            AppendHeader("assistant", tokens);
        if (addGenerationPrompt && reasons)
            tokens.Add(SyntheticTokenizer.ReasoningBegins);
        return new RenderedChat([.. tokens], emitted);
    }

    private static void AppendMessage(ChatMessage message, List<uint> tokens)
    {
        AppendHeader(message.Role, tokens);
        SyntheticTokenizer.Append(message.Content, tokens);
        tokens.AddRange(End);
    }

    internal static void AppendHeader(string role, List<uint> tokens) => SyntheticTokenizer.Append($"<|{role}|>\n", tokens);
}
