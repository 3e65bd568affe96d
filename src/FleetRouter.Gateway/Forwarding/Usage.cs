using System.Text.Json;
using FleetRouter.Domain.Fleet;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>Finds an engine's token counts in the bytes of its answer, under the chat and the responses API's names.</summary>
internal static class Usage
{
    /// <summary>Position of <c>"usage": {</c> in <paramref name="json"/>; -1 without one. A quoted "usage" inside a text
    /// is escaped, so it is never taken for the field.</summary>
    public static int Find(ReadOnlySpan<byte> json)
    {
        for (int from = json.Length; from > 0;)
        {
            int at = json[..from].LastIndexOf("\"usage\""u8);
            if (at < 0)
                return -1;
            ReadOnlySpan<byte> after = json[(at + 7)..].TrimStart(" \t\r\n"u8);
            if (after.Length > 0 && after[0] == ':' && after[1..].TrimStart(" \t\r\n"u8).StartsWith("{"u8))
                return at;
            from = at;
        }
        return -1;
    }

    /// <summary>Reads the counts that begin at <see cref="Find"/>'s position; null where they are cut off or unlike any known.</summary>
    public static TokenUsage? Read(ReadOnlySpan<byte> json)
    {
        int open = json.IndexOf((byte)'{');
        if (open < 0)
            return null;
        try
        {
            var reader = new Utf8JsonReader(json[open..], isFinalBlock: false, default);
            int? prompt = null, completion = null, cached = null;
            int depth = 0;
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.StartObject)
                    depth++;
                else if (reader.TokenType == JsonTokenType.EndObject && --depth == 0)
                    return prompt is { } p ? new TokenUsage(p, cached, completion ?? 0) : null;
                else if (reader.TokenType == JsonTokenType.PropertyName)
                    Take(ref reader, ref prompt, ref completion, ref cached);
            }
        }
        catch (JsonException)
        {
            // Not the counts it looked like; an answer is not judged by them.
        }
        return null;
    }

    private static void Take(ref Utf8JsonReader reader, ref int? prompt, ref int? completion, ref int? cached)
    {
        if (reader.ValueTextEquals("prompt_tokens"u8) || reader.ValueTextEquals("input_tokens"u8))
            prompt = Count(ref reader) ?? prompt;
        else if (reader.ValueTextEquals("completion_tokens"u8) || reader.ValueTextEquals("output_tokens"u8))
            completion = Count(ref reader) ?? completion;
        else if (reader.ValueTextEquals("cached_tokens"u8))
            cached = Count(ref reader) ?? cached;
    }

    private static int? Count(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int count) ? count : null;
}
