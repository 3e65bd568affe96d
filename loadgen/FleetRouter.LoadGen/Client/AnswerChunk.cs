using System.Text.Json;

namespace FleetRouter.LoadGen.Client;

/// <summary>What a chunk of a streamed answer says, read in one pass without building a document.</summary>
internal struct AnswerChunk
{
    /// <summary>The chunk carries answer text: content, reasoning or tool arguments.</summary>
    public bool HasText;
    public int? PromptTokens, CachedTokens, CompletionTokens;
    /// <summary>The error's code, else its type, else "unnamed"; null where the chunk is no error.</summary>
    public string? Error;

    /// <summary>Reads a chunk.</summary>
    /// <param name="json">The event's data.</param>
    /// <param name="answer">Where to append the answer's text; null to leave it.</param>
    /// <exception cref="JsonException">The data is not a JSON object.</exception>
    public static AnswerChunk Read(ReadOnlySpan<byte> json, System.Text.StringBuilder? answer)
    {
        var chunk = new AnswerChunk();
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new JsonException("not an object");
        var flat = false;
        string? code = null, type = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("choices"u8)) chunk.ReadChoices(ref reader, answer);
            else if (reader.ValueTextEquals("usage"u8)) chunk.ReadUsage(ref reader);
            else if (reader.ValueTextEquals("error"u8)) chunk.Error = ReadError(ref reader);
            else if (reader.ValueTextEquals("object"u8)) flat = ReadName(ref reader) == "error";
            else if (reader.ValueTextEquals("type"u8)) type = ReadName(ref reader);
            else if (reader.ValueTextEquals("code"u8)) code = ReadName(ref reader);
            else reader.Skip();
        }
        // Older vLLM has its error's fields at the top.
        if (flat) chunk.Error ??= code ?? type ?? "unnamed";
        return chunk;
    }

    /// <summary>The error of an error body: code, else type, else null if it is not shaped as one.</summary>
    public static string? ErrorOf(ReadOnlySpan<byte> body)
    {
        try { return Read(body, null).Error; }
        catch (JsonException) { return null; }
    }

    private void ReadChoices(ref Utf8JsonReader reader, System.Text.StringBuilder? answer)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray) { reader.Skip(); return; }
        // n is 1 in every request of the replayer, so all choices are one answer.
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("delta"u8)) ReadDelta(ref reader, answer);
                else if (reader.ValueTextEquals("text"u8)) ReadText(ref reader, answer);
                else reader.Skip();
            }
        }
    }

    private void ReadDelta(ref Utf8JsonReader reader, System.Text.StringBuilder? answer)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) { reader.Skip(); return; }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("content"u8)) ReadText(ref reader, answer);
            else if (reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8)) ReadText(ref reader, null);
            else if (reader.ValueTextEquals("tool_calls"u8))
            {
                reader.Read();
                HasText |= reader.TokenType == JsonTokenType.StartArray;
                reader.Skip();
            }
            else reader.Skip();
        }
    }

    private void ReadText(ref Utf8JsonReader reader, System.Text.StringBuilder? answer)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.String) { reader.Skip(); return; }
        if (reader.ValueSpan.Length == 0) return;
        HasText = true;
        answer?.Append(reader.GetString());
    }

    private void ReadUsage(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) { reader.Skip(); return; }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("prompt_tokens"u8)) PromptTokens = ReadCount(ref reader);
            else if (reader.ValueTextEquals("completion_tokens"u8)) CompletionTokens = ReadCount(ref reader);
            else if (reader.ValueTextEquals("prompt_tokens_details"u8)) ReadDetails(ref reader);
            else reader.Skip();
        }
    }

    private void ReadDetails(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) { reader.Skip(); return; }
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("cached_tokens"u8)) CachedTokens = ReadCount(ref reader);
            else reader.Skip();
        }
    }

    private static int? ReadCount(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var count)) return count;
        reader.Skip();
        return null;
    }

    private static string? ReadError(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null) return null;
        if (reader.TokenType != JsonTokenType.StartObject) { reader.Skip(); return "unnamed"; }
        string? code = null, type = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("code"u8)) code = ReadName(ref reader);
            else if (reader.ValueTextEquals("type"u8)) type = ReadName(ref reader);
            else reader.Skip();
        }
        return code ?? type ?? "unnamed";
    }

    // vLLM puts the status number where others put a name.
    private static string? ReadName(ref Utf8JsonReader reader)
    {
        reader.Read();
        switch (reader.TokenType)
        {
            case JsonTokenType.String: return reader.GetString() is { Length: > 0 } name ? name[..Math.Min(name.Length, 60)] : null;
            case JsonTokenType.Number: return null;
            default: reader.Skip(); return null;
        }
    }
}
