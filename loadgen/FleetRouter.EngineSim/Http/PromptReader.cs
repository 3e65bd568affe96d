using System.Text;
using System.Text.Json;
using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Http;

/// <summary>A prompt and the answer it begins or resumes.</summary>
/// <param name="Tokens">All tokens, emitted ones at the end.</param>
/// <param name="Answer">The answer to the original prompt.</param>
/// <param name="Emitted">Tokens of the answer that the prompt has already.</param>
internal sealed record Prompt(uint[] Tokens, SyntheticAnswer Answer, int Emitted)
{
    public static Prompt Of(uint[] tokens, int emitted = 0) => new(tokens, SyntheticAnswer.To(tokens.AsSpan(..^emitted)), emitted);
}

/// <summary>Reads prompts in all forms the endpoints take.</summary>
internal static class PromptReader
{
    /// <summary>The <c>messages</c> of a chat, with its template flags and tools.</summary>
    public static Prompt Chat(RequestBody body)
    {
        if (body.Field("messages") is not { } messages)
            throw ApiException.Missing("messages");
        if (messages.ValueKind != JsonValueKind.Array)
            throw ApiException.Schema("messages", "list_type", "Input should be a valid list");
        if (messages.GetArrayLength() == 0)
            throw ApiException.BadRequest("messages must have at least one item.", "messages");
        bool generate = body.Flag("add_generation_prompt", true);
        bool resume = body.Flag("continue_final_message", false);
        return Render([.. messages.EnumerateArray().Select(Message)], generate, resume, Tools(body), Reasons(body));
    }

    public static Prompt Render(List<ChatMessage> messages, bool generate = true, bool resume = false, string? tools = null, bool reasons = false)
    {
        try
        {
            var rendered = ChatPrompt.Render(messages, generate, resume, tools, reasons);
            return Prompt.Of(rendered.Tokens, rendered.EmittedTokens);
        }
        catch (ArgumentException error)
        {
            throw ApiException.BadRequest(error.Message);
        }
    }

    /// <summary>Whether the chat's template is asked for an answer that begins with reasoning.</summary>
    private static bool Reasons(RequestBody body) =>
        body.Field("chat_template_kwargs") is { ValueKind: JsonValueKind.Object } flags && flags.TryGetProperty("enable_thinking", out var flag) && flag.ValueKind == JsonValueKind.True;

    public static string? Tools(RequestBody body) =>
        body.Field("tools") is { ValueKind: JsonValueKind.Array } tools && tools.GetArrayLength() > 0 ? tools.GetRawText() : null;

    /// <summary>The <c>prompt</c> of a completion: one string or one list of token ids, each also as the only item of a list.</summary>
    public static Prompt Completion(RequestBody body)
    {
        var prompts = Texts(body, "prompt");
        if (prompts.Count != 1)
            throw ApiException.BadRequest($"this engine takes one prompt a request, got {prompts.Count}.", "prompt");
        var (tokens, ids) = prompts[0];
        if (!ids)
            return Prompt.Of(tokens);
        var answer = SyntheticAnswer.Resume(tokens, out int emitted);
        return new Prompt(tokens, answer, emitted);
    }

    /// <summary>A field that holds a string, strings, token ids or lists of token ids; whether each was given as ids.</summary>
    public static List<(uint[] Tokens, bool Ids)> Texts(RequestBody body, string field)
    {
        if (body.Field(field) is not { } value)
            throw ApiException.Missing(field);
        List<(uint[] Tokens, bool Ids)> texts = value.ValueKind switch
        {
            JsonValueKind.String => [(SyntheticTokenizer.Encode(RequestBody.TextOf(value, field)), false)],
            JsonValueKind.Array when value.GetArrayLength() > 0 && value[0].ValueKind == JsonValueKind.Number => [(Ids(value, field), true)],
            JsonValueKind.Array => [.. value.EnumerateArray().Select(item => item.ValueKind switch
            {
                JsonValueKind.String => (SyntheticTokenizer.Encode(RequestBody.TextOf(item, field)), false),
                JsonValueKind.Array => (Ids(item, field), true),
                _ => throw NoText(field),
            })],
            _ => throw NoText(field),
        };
        if (texts.Count == 0 || texts.Exists(text => text.Tokens.Length == 0))
            throw ApiException.BadRequest($"The {field} cannot be empty.", field);
        return texts;
    }

    public static uint[] Ids(JsonElement list, string field)
    {
        var ids = new uint[list.GetArrayLength()];
        int i = 0;
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetUInt32(out ids[i++]))
                throw ApiException.Schema(field, "int_type", "Input should be a list of token ids");
        }
        return ids;
    }

    /// <summary>One chat message; tool calls of the assistant have the tokens they were generated with.</summary>
    public static ChatMessage Message(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object)
            throw ApiException.Schema("messages", "dict_type", "Input should be a valid dictionary");
        if (!message.TryGetProperty("role", out var role) || role.ValueKind != JsonValueKind.String)
            throw ApiException.Schema("messages.role", "string_type", "Input should be a valid string");
        string content = message.TryGetProperty("content", out var value) ? Content(value) : "";
        if (message.TryGetProperty("tool_calls", out var calls) && calls.ValueKind == JsonValueKind.Array)
            content += string.Concat(calls.EnumerateArray().Select(ToolAnswer.Rendered));
        return new ChatMessage(RequestBody.TextOf(role, "role"), content);
    }

    public static string Content(JsonElement content)
    {
        switch (content.ValueKind)
        {
            case JsonValueKind.Null:
                return "";
            case JsonValueKind.String:
                return RequestBody.TextOf(content, "content");
            case JsonValueKind.Array:
                var text = new StringBuilder();
                foreach (var part in content.EnumerateArray())
                {
                    string? type = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out var name) ? name.ToString() : null;
                    if (type is not ("text" or "input_text" or "output_text" or "refusal"))
                        throw ApiException.BadRequest($"this engine serves a text model; a content part of type '{type}' is not text.", "messages");
                    if (!part.TryGetProperty(type == "refusal" ? "refusal" : "text", out var piece) || piece.ValueKind != JsonValueKind.String)
                        throw ApiException.Schema("messages.content.text", "string_type", "Input should be a valid string");
                    text.Append(RequestBody.TextOf(piece, "content"));
                }
                return text.ToString();
            default:
                throw ApiException.Schema("messages.content", "string_type", "Input should be a valid string");
        }
    }

    private static ApiException NoText(string field) =>
        ApiException.Schema(field, "string_type", "Input should be a string, a list of strings, or lists of token ids");
}
