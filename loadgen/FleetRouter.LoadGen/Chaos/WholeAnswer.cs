using System.Text.Json;
using FleetRouter.Simulation.Text;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>Holds an unstreamed answer against what it must be.</summary>
internal static class WholeAnswer
{
    /// <summary>Its text, and what is wrong with the rest of it.</summary>
    public static (string Text, List<string> Malformed) Read(ChaosRequest request, byte[] body)
    {
        var wrong = new List<string>();
        try
        {
            using var document = JsonDocument.Parse(body);
            return (Read(request, document.RootElement, wrong), wrong);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            wrong.Add($"an answer that cannot be read: {error.Message}");
            return ("", wrong);
        }
    }

    private static string Read(ChaosRequest request, JsonElement root, List<string> wrong)
    {
        var expected = request.Expected;
        void Same(string name, string? got, string? right)
        {
            if (got != right) wrong.Add($"{name} {got ?? "null"}, expected {right ?? "null"}");
        }

        Same("object", root.GetProperty("object").GetString(), request.Chat ? "chat.completion" : "text_completion");
        Same("model", root.GetProperty("model").GetString(), request.Model);
        if (root.GetProperty("id").GetString()?.StartsWith(request.Chat ? "chatcmpl-" : "cmpl-", StringComparison.Ordinal) != true) wrong.Add("a foreign id");
        if (root.GetProperty("choices").GetArrayLength() != 1) wrong.Add("not one choice");
        var choice = root.GetProperty("choices")[0];
        Same("finish_reason", choice.GetProperty("finish_reason").GetString(), expected.FinishReason);
        Same("stop_reason", choice.TryGetProperty("stop_reason", out var stop) && stop.ValueKind != JsonValueKind.Null ? stop.ToString() : null, expected.StopReason);
        var usage = root.GetProperty("usage");
        Same("prompt_tokens", usage.GetProperty("prompt_tokens").ToString(), $"{expected.Prompt.Length}");
        Same("completion_tokens", usage.GetProperty("completion_tokens").ToString(), $"{expected.Tokens.Length}");
        Same("total_tokens", usage.GetProperty("total_tokens").ToString(), $"{expected.Prompt.Length + expected.Tokens.Length}");
        Ids("token_ids", choice, expected.Tokens);
        Ids("prompt_token_ids", request.Chat ? root : choice, expected.Prompt);
        if (!request.Chat) return choice.GetProperty("text").GetString() ?? "";
        var message = choice.GetProperty("message");
        Same("role", message.GetProperty("role").GetString(), "assistant");
        if (expected.Function is null)
        {
            var (reasoning, content) = (message.TryGetProperty("reasoning", out var reasons) ? reasons.GetString() : null, message.GetProperty("content").GetString());
            return reasoning + (string.IsNullOrEmpty(reasoning) || string.IsNullOrEmpty(content) ? "" : SyntheticTokenizer.ReasoningEndsMark) + content;
        }
        var function = message.GetProperty("tool_calls")[0].GetProperty("function");
        Same("function", function.GetProperty("name").GetString(), expected.Function);
        return function.GetProperty("arguments").GetString() ?? "";

        void Ids(string name, JsonElement of, uint[] right)
        {
            var ids = of.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.Array ? found.EnumerateArray().Select(id => id.GetUInt32()) : null;
            if (ids is null && request.TokenIds) wrong.Add($"no {name}");
            if (ids is not null && !request.TokenIds) wrong.Add($"{name} that were not asked for");
            if (ids is not null && request.TokenIds && !ids.SequenceEqual(right)) wrong.Add($"other {name} than expected");
        }
    }
}
