using System.Text.Json;
using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Http;

/// <summary>The <c>input</c> and <c>instructions</c> of /v1/responses as a conversation.</summary>
internal static class ResponsesInput
{
    public static Prompt Read(RequestBody body)
    {
        var messages = new List<ChatMessage>();
        if (body.Text("instructions") is { } instructions)
            messages.Add(new ChatMessage("system", instructions));
        if (body.Field("input") is not { } input)
            throw ApiException.Missing("input");
        switch (input.ValueKind)
        {
            case JsonValueKind.String:
                messages.Add(new ChatMessage("user", RequestBody.TextOf(input, "input")));
                break;
            case JsonValueKind.Array:
                messages.AddRange(input.EnumerateArray().Select(Item));
                break;
            default:
                throw ApiException.Schema("input", "string_type", "Input should be a valid string or list");
        }
        if (messages.Count == 0)
            throw ApiException.BadRequest("input must have at least one item.", "input");
        return PromptReader.Render(messages, tools: PromptReader.Tools(body));
    }

    private static ChatMessage Item(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
            throw ApiException.Schema("input", "dict_type", "Input should be a valid dictionary");
        string type = item.TryGetProperty("type", out var name) ? name.ToString() : "message";
        return type switch
        {
            "message" => PromptReader.Message(item),
            "function_call" => new ChatMessage("assistant", ToolAnswer.Rendered(item)),
            "function_call_output" => new ChatMessage("tool", item.TryGetProperty("output", out var output) ? output.ToString() : ""),
            "reasoning" => new ChatMessage("reasoning", ""),
            _ => throw ApiException.BadRequest($"this engine does not take input items of type '{type}'.", "input"),
        };
    }
}
