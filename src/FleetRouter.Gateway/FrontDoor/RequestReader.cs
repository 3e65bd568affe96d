using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>What the gateway needs to know of a request's body.</summary>
/// <param name="Model">The model named.</param>
/// <param name="Stream">Whether the answer is to stream.</param>
/// <param name="AsksForUsage">Whether the body says anything about <c>stream_options</c>.</param>
/// <param name="MaxOutputTokens">Most output tokens asked for.</param>
/// <param name="SessionId">The conversation's id, where the body gives one.</param>
/// <param name="HasTools">Whether tools are offered.</param>
/// <param name="PriorTurns">Answers of the assistant in the prompt.</param>
/// <param name="PromptTokens">Exact prompt length, for a prompt of token ids.</param>
/// <param name="Prompt">The prompt's block hashes.</param>
/// <param name="Terms">What the answer is to be like.</param>
internal sealed record RequestFacts(
    string Model, bool Stream, bool AsksForUsage, int? MaxOutputTokens, string? SessionId, bool HasTools, int PriorTurns,
    int? PromptTokens, PromptChain Prompt, AnswerTerms Terms)
{
    /// <summary>What the body says of its priority; above 0 is high.</summary>
    public int Priority { get; init; }

    /// <summary>Leading blocks of the prompt before the last answer of the assistant in it.</summary>
    public int PriorBlocks { get; init; }
}

/// <summary>Reads a JSON body once, without building anything of it: the few fields the router acts on, and the hashes of
/// the prompt's blocks, taken over the prompt's bytes as they stand. What else is in it is the engine's to judge.</summary>
internal static class RequestReader
{
    /// <summary>No model has a longer name, and errors repeat it.</summary>
    private const int LongestModel = 512;

    [ThreadStatic]
    private static PromptChainBuilder? _builder;

    /// <summary>The facts of <paramref name="body"/>; or null and what is wrong with it.</summary>
    public static RequestFacts? Read(ReadOnlySpan<byte> body, ApiKind api, out ErrorAnswer? error)
    {
        try
        {
            return Read(new Utf8JsonReader(body), body, api, out error);
        }
        catch (JsonException e)
        {
            error = ErrorAnswer.BadRequest(
                $"The request body is not valid JSON: {OneLine(e.Message)}", code: "invalid_json");
            return null;
        }
        catch (InvalidOperationException)
        {
            error = ErrorAnswer.BadRequest("The request body holds text that is not valid UTF-8.", code: "invalid_json");
            return null;
        }
    }

    private static RequestFacts? Read(Utf8JsonReader json, ReadOnlySpan<byte> body, ApiKind api, out ErrorAnswer? error)
    {
        string? model = null, session = null;
        int priority = 0;
        bool stream = false;
        var terms = new AnswerTerms();
        Range prompt = default, tools = default, instructions = default, salt = default;

        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            return Wrong("The request body must be a JSON object.", null, out error);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("model"u8))
            {
                json.Read();
                if (json.TokenType != JsonTokenType.String)
                    return Wrong("'model' must be a string.", "model", out error);
                model = json.GetString();
            }
            else if (json.ValueTextEquals("stream"u8))
            {
                json.Read();
                if (json.TokenType is not (JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null))
                    return Wrong("'stream' must be true or false.", "stream", out error);
                stream = json.TokenType == JsonTokenType.True;
                terms.Stream = (int)json.TokenStartIndex..(int)json.BytesConsumed;
            }
            else if (json.ValueTextEquals("messages"u8) || json.ValueTextEquals("prompt"u8) || json.ValueTextEquals("input"u8))
                prompt = Value(ref json);
            else if (json.ValueTextEquals("tools"u8))
                tools = Value(ref json);
            else if (json.ValueTextEquals("instructions"u8) || json.ValueTextEquals("system"u8))
                instructions = Value(ref json);
            else if (json.ValueTextEquals("cache_salt"u8))
                salt = Value(ref json);
            else if (json.ValueTextEquals("session_id"u8))
                session = Text(ref json) ?? session;
            else if (json.ValueTextEquals("session_params"u8))
                session = SessionIn(body[Value(ref json)]) ?? session;
            else if (json.ValueTextEquals("priority"u8))
                priority = Math.Max(priority, Priorities.OfVllm(Whole(ref json) ?? 0));
            else if (json.ValueTextEquals("service_tier"u8))
                priority = Math.Max(priority, Priorities.OfTier(Text(ref json)));
            else if (!terms.TryTake(ref json, body))
                Value(ref json);
        }
        json.Read();   // anything but the end is an error
        if (model is not { Length: > 0 })
            return Wrong("you must provide a model parameter", "model", out error);
        if (model.Length > LongestModel)
            return Wrong($"'model' must be a name of at most {LongestModel} characters.", "model", out error);
        error = null;
        ReadOnlySpan<byte> text = body[prompt];
        terms.HasTools = tools.End.Value > tools.Start.Value + 2;
        terms.Settle(api, text);
        bool saysStreamOptions = !terms.StreamOptions.Equals(default);
        return new RequestFacts(model, stream, saysStreamOptions, terms.MaxTokens, session is { Length: > 0 } ? ClientHeaders.Bounded(session) : null, terms.HasTools,
            text.Count("\"assistant\""u8), TokenIds(text), Chain(model, body[salt], body[tools], body[instructions], text), terms)
        {
            Priority = priority,
            PriorBlocks = text.LastIndexOf("\"assistant\""u8) is > 0 and var answer
                ? (tools.End.Value - tools.Start.Value + instructions.End.Value - instructions.Start.Value + answer) / PromptChain.BlockBytes : 0,
        };
    }

    private static RequestFacts? Wrong(string message, string? param, out ErrorAnswer? error)
    {
        error = ErrorAnswer.BadRequest(message, param);
        return null;
    }

    /// <summary>Passes over the next value and says where it stands.</summary>
    internal static Range Value(ref Utf8JsonReader json)
    {
        json.Read();
        int start = (int)json.TokenStartIndex;
        json.Skip();
        return start..(int)json.BytesConsumed;
    }

    private static int? Whole(ref Utf8JsonReader json)
    {
        Value(ref json);
        return json.TokenType == JsonTokenType.Number && json.TryGetInt32(out int number) ? number : null;
    }

    private static string? Text(ref Utf8JsonReader json)
    {
        Value(ref json);
        return json.TokenType == JsonTokenType.String ? json.GetString() : null;
    }

    private static string? SessionIn(ReadOnlySpan<byte> value)
    {
        var json = new Utf8JsonReader(value);
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            return null;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool isSession = json.ValueTextEquals("session_id"u8);
            if (Text(ref json) is { } id && isSession)
                return id;
        }
        return null;
    }

    /// <summary>Length of a prompt of token ids, <c>[1,2,…]</c> or <c>[[1,2,…]]</c>; null for any other.</summary>
    private static int? TokenIds(ReadOnlySpan<byte> prompt)
    {
        ReadOnlySpan<byte> first = prompt.TrimStart("[ \t\r\n"u8);
        return prompt.Length > first.Length && first.Length > 0 && char.IsAsciiDigit((char)first[0]) ? prompt.Count((byte)',') + 1 : null;
    }

    /// <summary>Tools and instructions first, as every chat template puts them; the closing bracket is left out, so that
    /// the next turn's prompt continues this one's.</summary>
    private static PromptChain Chain(
        string model, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> tools, ReadOnlySpan<byte> instructions, ReadOnlySpan<byte> prompt)
    {
        PromptChainBuilder builder = _builder ??= new PromptChainBuilder();
        builder.Start(XxHash64.Of(salt, XxHash64.Of(model)));
        builder.Append(tools);
        builder.Append(instructions);
        builder.Append(prompt.IsEmpty ? prompt : prompt[..^1]);
        return builder.Finish();
    }

    /// <summary>The parser's message without the value it stumbled on, which may be prompt text.</summary>
    private static string OneLine(string message)
    {
        int position = message.IndexOf("LineNumber", StringComparison.Ordinal);
        string where = position < 0 ? "" : message[position..].TrimEnd('.').Replace("LineNumber: ", "line ").Replace(" | BytePositionInLine: ", ", byte ");
        string what = message.Contains("maximum configured depth", StringComparison.OrdinalIgnoreCase) ? "it is nested too deeply"
            : message.Contains("any JSON tokens", StringComparison.OrdinalIgnoreCase) ? "it is empty"
            : message.Contains("end of data", StringComparison.OrdinalIgnoreCase) || message.Contains("incomplete", StringComparison.OrdinalIgnoreCase) || message.Contains("depth to be zero", StringComparison.OrdinalIgnoreCase) ? "it ends too early"
            : "a character is out of place";
        return new StringBuilder(what).Append(where.Length > 0 ? $" ({where}, counted from 0)" : "").Append('.').ToString();
    }
}
