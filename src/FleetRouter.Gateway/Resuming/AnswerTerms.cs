using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.FrontDoor;

namespace FleetRouter.Gateway.Resuming;

/// <summary>What a request's body says about the answer it wants, as far as it matters to going on with it on another engine.</summary>
internal struct AnswerTerms
{
    /// <summary>Most tokens, under the name that counts where both are given.</summary>
    public int? MaxTokens;

    public int MinTokens;

    public bool IsChat, HasStop, IncludesStop, WantsTokenIds, WantsUsage, WantsUsageAlways, HasTools, ContinuesFinalMessage;

    /// <summary>Where the value of <c>stream</c> stands; empty where the body does not say.</summary>
    public Range Stream;

    /// <summary>Where the value of <c>stream_options</c> stands.</summary>
    public Range StreamOptions;

    /// <summary>Why an answer to this request cannot go on elsewhere once it has begun, as clients are told; null if it can.</summary>
    public string? Obstacle;

    private bool _maxIsFinal, _toolsAreOff;

    /// <summary>Whether the model may call a tool, whose syntax only the engine's chat endpoint can tell from text.</summary>
    public readonly bool MayCallTools => HasTools && !_toolsAreOff;

    /// <summary>Takes the value of a field of the body, if it is one of these; the reader stands on the field's name and then on its value's end.</summary>
    public bool TryTake(ref Utf8JsonReader json, ReadOnlySpan<byte> body)
    {
        if (json.ValueTextEquals("stream_options"u8))
            ReadStreamOptions(body, StreamOptions = RequestReader.Value(ref json));
        else if (json.ValueTextEquals("max_completion_tokens"u8) || json.ValueTextEquals("max_output_tokens"u8))
            (MaxTokens, _maxIsFinal) = (Count(ref json) ?? MaxTokens, true);
        else if (json.ValueTextEquals("max_tokens"u8))
            MaxTokens = Count(ref json) is { } count && !_maxIsFinal ? count : MaxTokens;
        else if (json.ValueTextEquals("min_tokens"u8))
            MinTokens = Count(ref json) ?? 0;
        else if (json.ValueTextEquals("stop"u8))
            HasStop = IsSaid(ref json, out _);
        else if (json.ValueTextEquals("return_token_ids"u8))
            WantsTokenIds = IsTrue(ref json);
        else if (json.ValueTextEquals("include_stop_str_in_output"u8))
            IncludesStop = IsTrue(ref json);
        else if (json.ValueTextEquals("continue_final_message"u8))
            ContinuesFinalMessage = IsTrue(ref json);
        else if (json.ValueTextEquals("tool_choice"u8))
            ReadToolChoice(ref json);
        else if (json.ValueTextEquals("response_format"u8))
            Refuse(IsGuided(body[RequestReader.Value(ref json)]), "guided-decoding");
        else if (json.ValueTextEquals("n"u8) || json.ValueTextEquals("best_of"u8))
            Refuse(Count(ref json) > 1, "several-answers");
        else if (json.ValueTextEquals("use_beam_search"u8))
            Refuse(IsTrue(ref json), "beam-search");
        else if (json.ValueTextEquals("echo"u8))
            Refuse(IsTrue(ref json), "echo");
        else if (json.ValueTextEquals("logprobs"u8) || json.ValueTextEquals("top_logprobs"u8) || json.ValueTextEquals("prompt_logprobs"u8))
            Refuse(IsSaid(ref json, out Range probabilities) && !body[probabilities].SequenceEqual("false"u8), "logprobs");
        else if (IsGuide(json))
            Refuse(IsSaid(ref json, out _), "guided-decoding");
        else
            return false;
        return true;
    }

    /// <summary>Settles what depends on more than one field.</summary>
    /// <param name="api">The API called.</param>
    /// <param name="prompt">The prompt as it stands in the body.</param>
    public void Settle(ApiKind api, ReadOnlySpan<byte> prompt)
    {
        IsChat = api == ApiKind.Chat;
        if (api is not (ApiKind.Chat or ApiKind.Completion))
            Obstacle ??= "api";
        // A list of texts, or of lists of ids, asks for as many answers.
        if (api == ApiKind.Completion && prompt.Length > 0 && prompt[0] == '[' && prompt[1..].IndexOfAny("\"["u8) >= 0)
            Obstacle ??= "several-answers";
    }

    private static bool IsGuide(in Utf8JsonReader json) =>
        json.ValueTextEquals("structured_outputs"u8) || json.ValueTextEquals("guided_json"u8) || json.ValueTextEquals("guided_regex"u8)
        || json.ValueTextEquals("guided_choice"u8) || json.ValueTextEquals("guided_grammar"u8) || json.ValueTextEquals("guided_decoding_backend"u8)
        || json.ValueTextEquals("structural_tag"u8);

    private void Refuse(bool isAsked, string reason)
    {
        if (isAsked)
            Obstacle ??= reason;
    }

    /// <summary>Anything but leaving the choice to the model, or no tool at all, is guided decoding.</summary>
    private void ReadToolChoice(ref Utf8JsonReader json)
    {
        json.Read();
        _toolsAreOff = json.TokenType == JsonTokenType.String && json.ValueTextEquals("none"u8);
        bool isFree = json.TokenType == JsonTokenType.Null || _toolsAreOff || json.TokenType == JsonTokenType.String && json.ValueTextEquals("auto"u8);
        json.Skip();
        Refuse(!isFree, "guided-decoding");
    }

    private void ReadStreamOptions(ReadOnlySpan<byte> body, Range value)
    {
        var json = new Utf8JsonReader(body[value]);
        if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
        {
            StreamOptions = default;
            return;
        }
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            if (json.ValueTextEquals("include_usage"u8))
                WantsUsage = IsTrue(ref json);
            else if (json.ValueTextEquals("continuous_usage_stats"u8))
                WantsUsageAlways = IsTrue(ref json);
            else
                json.Skip();
    }

    /// <summary>Whether a response format asks for more than plain text.</summary>
    private static bool IsGuided(ReadOnlySpan<byte> format) =>
        !format.SequenceEqual("null"u8) && (format.IndexOf("\"type\""u8) < 0 || format.IndexOf("\"text\""u8) < 0 || format.IndexOf("json"u8) >= 0);

    private static bool IsSaid(ref Utf8JsonReader json, out Range value)
    {
        value = RequestReader.Value(ref json);
        return json.TokenType != JsonTokenType.Null;
    }

    private static bool IsTrue(ref Utf8JsonReader json)
    {
        RequestReader.Value(ref json);
        return json.TokenType == JsonTokenType.True;
    }

    private static int? Count(ref Utf8JsonReader json)
    {
        RequestReader.Value(ref json);
        return json.TokenType == JsonTokenType.Number && json.TryGetInt32(out int count) && count >= 0 ? count : null;
    }
}
