using System.Text.Json;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Fields of a chat's answer that bear its reasoning.</summary>
[Flags]
internal enum ReasoningNames
{
    None = 0,
    Reasoning = 1,
    ReasoningContent = 2,
}

/// <summary>What one event of a chat's or completion's stream says. Positions are within the event's bytes; an empty range
/// stands for what is not there or null.</summary>
internal struct AnswerEvent
{
    /// <summary>The event's JSON; empty for an event without data.</summary>
    public Range Data;

    /// <summary>The end mark.</summary>
    public bool IsDone;

    /// <summary>The engine says that the answer failed, and not for what the client asked.</summary>
    public bool IsEngineError;

    /// <summary>There is a choice, hence something of the answer.</summary>
    public bool HasChoice;

    public bool HasRole, HasToolCalls, HasRefusal;

    /// <summary>The reasoning added, as it stands between the quotes; empty for none.</summary>
    public Range Reasoning;

    /// <summary>The names it came under: vLLM has had two, and sends both at times.</summary>
    public ReasoningNames ReasoningNames;

    public readonly bool HasReasoning => ReasoningNames != ReasoningNames.None;

    /// <summary>Whether there is something of the answer that is not its text.</summary>
    public readonly bool HasMoreThanText => HasToolCalls || HasReasoning || HasRefusal;

    /// <summary>Whether there is text at all: <see cref="Text"/> may be empty for a text of no characters.</summary>
    public bool HasText;

    /// <summary>The text added, as it stands between the quotes.</summary>
    public Range Text;

    /// <summary>The finish reason between the quotes.</summary>
    public Range Finish;

    /// <summary>The stop reason as a JSON value.</summary>
    public Range StopReason;

    /// <summary>The ids of the tokens added, with their brackets.</summary>
    public Range TokenIds;

    /// <summary>The prompt's ids, with their brackets.</summary>
    public Range PromptTokenIds;

    /// <summary>The token counts, with their braces.</summary>
    public Range Usage;

    /// <summary>Where the member <c>choices</c> begins; 0 without one.</summary>
    public int Choices;

    /// <summary>Reads an event; false if what it carries is not what a stream may carry.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out AnswerEvent read)
    {
        read = default;
        if (!FindData(bytes, out read.Data))
            return IsComment(bytes);
        ReadOnlySpan<byte> data = bytes[read.Data];
        if (data.SequenceEqual("[DONE]"u8))
        {
            read.IsDone = true;
            return true;
        }
        try
        {
            var json = new Utf8JsonReader(data);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
                return false;
            read.ReadTop(ref json, read.Data.Start.Value);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void ReadTop(ref Utf8JsonReader json, int at)
    {
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("choices"u8))
            {
                Choices = at + (int)json.TokenStartIndex;
                ReadChoices(ref json, at);
            }
            else if (json.ValueTextEquals("usage"u8))
                Usage = Composite(ref json, at);
            else if (json.ValueTextEquals("prompt_token_ids"u8))
                PromptTokenIds = Composite(ref json, at);
            else if (json.ValueTextEquals("error"u8))
                ReadError(ref json);
            else
                json.Skip();
        }
    }

    private void ReadChoices(ref Utf8JsonReader json, int at)
    {
        if (!json.Read() || json.TokenType != JsonTokenType.StartArray)
        {
            json.Skip();
            return;
        }
        while (json.Read() && json.TokenType == JsonTokenType.StartObject)
        {
            HasChoice = true;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals("delta"u8))
                    ReadDelta(ref json, at);
                else if (json.ValueTextEquals("text"u8))
                    ReadText(ref json, at);
                else if (json.ValueTextEquals("finish_reason"u8))
                    Finish = Inside(ref json, at);
                else if (json.ValueTextEquals("stop_reason"u8))
                    StopReason = Value(ref json, at);
                else if (json.ValueTextEquals("token_ids"u8))
                    TokenIds = Composite(ref json, at);
                else if (json.ValueTextEquals("prompt_token_ids"u8))
                    PromptTokenIds = Composite(ref json, at);
                else
                    json.Skip();
            }
        }
    }

    private void ReadDelta(ref Utf8JsonReader json, int at)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            return;
        }
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("content"u8))
                ReadText(ref json, at);
            else if (json.ValueTextEquals("role"u8))
                HasRole |= IsThere(ref json);
            else if (json.ValueTextEquals("tool_calls"u8) || json.ValueTextEquals("function_call"u8))
                HasToolCalls |= IsThere(ref json);
            else if (json.ValueTextEquals("reasoning"u8))
                ReadReasoning(ref json, at, ReasoningNames.Reasoning);
            else if (json.ValueTextEquals("reasoning_content"u8))
                ReadReasoning(ref json, at, ReasoningNames.ReasoningContent);
            else if (json.ValueTextEquals("refusal"u8))
                HasRefusal |= IsThere(ref json);
            else
                json.Skip();
        }
    }

    private void ReadText(ref Utf8JsonReader json, int at)
    {
        Range text = Inside(ref json, at);
        HasText = json.TokenType == JsonTokenType.String;
        Text = text;
    }

    private void ReadReasoning(ref Utf8JsonReader json, int at, ReasoningNames name)
    {
        Range text = Inside(ref json, at);
        if (AnswerSoFar.IsEmpty(text))
            return;
        Reasoning = text;
        ReasoningNames |= name;
    }

    /// <summary>An error with a status below 500 is the client's: about what it asked for.</summary>
    private void ReadError(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null)
            return;
        IsEngineError = true;
        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            return;
        }
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool isCode = json.ValueTextEquals("code"u8);
            json.Read();
            if (isCode && json.TokenType == JsonTokenType.Number && json.TryGetInt32(out int code) && code is >= 400 and < 500)
                IsEngineError = false;
            json.Skip();
        }
    }

    private static bool IsThere(ref Utf8JsonReader json)
    {
        json.Read();
        bool there = json.TokenType switch
        {
            JsonTokenType.Null => false,
            JsonTokenType.String => json.ValueSpan.Length > 0,
            _ => true,
        };
        int length = (int)json.BytesConsumed;
        bool isArray = json.TokenType == JsonTokenType.StartArray;
        json.Skip();
        return there && !(isArray && json.BytesConsumed - length == 1);
    }

    private static Range Inside(ref Utf8JsonReader json, int at)
    {
        json.Read();
        if (json.TokenType != JsonTokenType.String)
        {
            json.Skip();
            return default;
        }
        return (at + (int)json.TokenStartIndex + 1)..(at + (int)json.BytesConsumed - 1);
    }

    private static Range Value(ref Utf8JsonReader json, int at)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null)
            return default;
        int start = at + (int)json.TokenStartIndex;
        json.Skip();
        return start..(at + (int)json.BytesConsumed);
    }

    private static Range Composite(ref Utf8JsonReader json, int at)
    {
        Range value = Value(ref json, at);
        return json.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject ? value : default;
    }

    /// <summary>The payload of the event's data line.</summary>
    internal static bool FindData(ReadOnlySpan<byte> bytes, out Range data)
    {
        data = default;
        int start = bytes.StartsWith("data:"u8) ? 5 : bytes.IndexOf("\ndata:"u8) is >= 0 and var line ? line + 6 : -1;
        if (start < 0)
            return false;
        while (start < bytes.Length && bytes[start] == ' ')
            start++;
        int length = bytes[start..].IndexOfAny((byte)'\n', (byte)'\r');
        data = start..(length < 0 ? bytes.Length : start + length);
        return true;
    }

    /// <summary>Whether all lines are such as the event stream format passes over or uses for itself.</summary>
    private static bool IsComment(ReadOnlySpan<byte> bytes)
    {
        foreach (Range line in bytes.SplitAny((byte)'\n', (byte)'\r'))
            if (bytes[line] is { Length: > 0 } text && text[0] != ':' && !text.StartsWith("event:"u8) && !text.StartsWith("id:"u8) && !text.StartsWith("retry:"u8))
                return false;
        return true;
    }
}
