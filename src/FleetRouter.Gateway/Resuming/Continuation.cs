using System.Buffers.Text;
using System.Text.Json;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Gateway.Resuming;

/// <summary>How an answer goes on elsewhere.</summary>
internal enum ContinuationKind
{
    /// <summary>The client has nothing of it yet: the request is made again as it was.</summary>
    Anew,

    /// <summary>From the exact token: the ids of prompt and answer are the prompt of a plain completion.</summary>
    TokenIds,

    /// <summary>From the text: the chat's last message, or the completion's prompt, is continued.</summary>
    Text,
}

/// <summary>The request by which another engine goes on with an answer.</summary>
/// <param name="Kind">How.</param>
/// <param name="Path">Path of the call.</param>
/// <param name="Body">Its body; null for the client's own.</param>
internal readonly record struct Continuation(ContinuationKind Kind, string Path, PooledBytes? Body)
{
    /// <summary>Fields that belong to a chat's template or are said anew.</summary>
    private static readonly HashSet<string> LeftOut = new(StringComparer.Ordinal)
    {
        "messages", "prompt", "suffix", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "documents", "chat_template",
        "chat_template_kwargs", "chat_template_content_format", "reasoning_effort", "include_reasoning", "add_generation_prompt", "continue_final_message",
        "add_special_tokens", "mm_processor_kwargs", "max_tokens", "max_completion_tokens", "min_tokens", "n", "best_of", "echo", "stream", "stream_options",
        "return_token_ids", "response_format", "store", "kv_transfer_params", "request_id",
    };

    private static readonly HashSet<string> LeftOutOfText = new(StringComparer.Ordinal)
    {
        "messages", "prompt", "add_generation_prompt", "continue_final_message", "max_tokens", "max_completion_tokens", "min_tokens", "stream", "stream_options",
        "return_token_ids", "kv_transfer_params", "request_id",
    };

    /// <summary>Why the answer cannot go on elsewhere; null if it can.</summary>
    public static string? Obstacle(in AnswerTerms terms, AnswerSoFar soFar, ApiKind api, ReadOnlySpan<byte> body) =>
        terms.Obstacle ?? soFar.Obstacle ?? (soFar.IsAstray ? "token-ids" : null) ?? (KindOf(terms, soFar, api, body) is not null ? null : soFar.IsReasoning ? ReasoningInFlight : "prompt-form");

    /// <summary>Reasoning goes on by ids only, and only where the token that ends it is known.</summary>
    public const string ReasoningInFlight = "reasoning-in-flight";

    /// <summary>How the answer can go on; null if in no way.</summary>
    public static ContinuationKind? KindOf(in AnswerTerms terms, AnswerSoFar soFar, ApiKind api, ReadOnlySpan<byte> body)
    {
        if (soFar.IsBlank)
            return ContinuationKind.Anew;
        bool needsTemplate = api == ApiKind.Chat && (terms.MayCallTools || HasMedia(body));
        if (soFar.HasIds && !needsTemplate)
            return ContinuationKind.TokenIds;
        if (soFar.IsReasoning)
            return null;
        bool canContinueText = api == ApiKind.Chat ? !terms.ContinuesFinalMessage : PromptIsText(body);
        return canContinueText ? ContinuationKind.Text : null;
    }

    /// <summary>The call that goes on with an answer.</summary>
    /// <param name="kind">How, as <see cref="KindOf"/> told.</param>
    /// <param name="path">The path the client called.</param>
    /// <param name="body">The client's body.</param>
    /// <param name="terms">What it says of the answer.</param>
    /// <param name="soFar">What the client has.</param>
    /// <param name="mostTokens">Most tokens to make; null for as many as are left.</param>
    public static Continuation Of(ContinuationKind kind, string path, ReadOnlySpan<byte> body, in AnswerTerms terms, AnswerSoFar soFar, int? mostTokens = null)
    {
        if (kind == ContinuationKind.Anew)
            return new Continuation(kind, path, null);
        var to = new PooledBytes();
        to.Append("{"u8);
        bool stopsHere = kind == ContinuationKind.TokenIds;   // a stop string may begin before the seam, where no engine looks for it
        CopyFields(to, body, kind == ContinuationKind.TokenIds ? LeftOut : LeftOutOfText, leavesOutStop: stopsHere);
        if (kind == ContinuationKind.TokenIds)
        {
            to.Append("\"prompt\":["u8);
            to.Append(soFar.Ids);
            to.Append("],"u8);
        }
        else
            AppendText(to, body, soFar);
        AppendBounds(to, kind, terms, soFar, mostTokens);
        to.Append("\"stream\":true,\"stream_options\":{\"include_usage\":true},\"return_token_ids\":true}"u8);
        string called = kind == ContinuationKind.TokenIds && path.EndsWith("/chat/completions", StringComparison.Ordinal)
            ? path[..^"/chat/completions".Length] + "/completions"
            : path;
        return new Continuation(kind, called, to);
    }

    /// <summary>What is left of the client's bounds. A completion without one makes 16 tokens, a chat as many as fit.</summary>
    private static void AppendBounds(PooledBytes to, ContinuationKind kind, in AnswerTerms terms, AnswerSoFar soFar, int? mostTokens)
    {
        bool wasCompletion = !terms.IsChat;
        int? left = terms.MaxTokens is { } max ? max - soFar.Tokens : wasCompletion ? CompletionMaxTokens - soFar.Tokens : null;
        if (mostTokens is { } most)
            left = Math.Min(left ?? most, most);
        to.Append("\"max_tokens\":"u8);
        Append(to, left is { } count ? Math.Max(1, count) : null);
        to.Append(","u8);
        if (terms.MinTokens > soFar.Tokens && mostTokens is null)
        {
            to.Append("\"min_tokens\":"u8);
            Append(to, terms.MinTokens - soFar.Tokens);
            to.Append(","u8);
        }
    }

    /// <summary>What vLLM makes of a completion that does not say how much.</summary>
    public const int CompletionMaxTokens = 16;

    private static void AppendText(PooledBytes to, ReadOnlySpan<byte> body, AnswerSoFar soFar)
    {
        bool isChat = Find(body, "messages"u8, out Range messages);
        if (!isChat && Find(body, "prompt"u8, out Range prompt))
        {
            to.Append("\"prompt\":"u8);
            to.Append(body[prompt][..^1]);
            to.Append(soFar.Text);
            to.Append("\","u8);
            return;
        }
        to.Append("\"messages\":"u8);
        to.Append(body[messages][..^1].TrimEnd(" \t\r\n"u8));
        to.Append(",{\"role\":\"assistant\",\"content\":\""u8);
        to.Append(soFar.Text);
        to.Append("\"}],\"add_generation_prompt\":false,\"continue_final_message\":true,"u8);
    }

    private static void CopyFields(PooledBytes to, ReadOnlySpan<byte> body, HashSet<string> leftOut, bool leavesOutStop)
    {
        var json = new Utf8JsonReader(body);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            int start = (int)json.TokenStartIndex;
            string name = json.GetString()!;
            json.Read();
            json.Skip();
            if (leftOut.Contains(name) || leavesOutStop && name == "stop")
                continue;
            to.Append(body[start..(int)json.BytesConsumed]);
            to.Append(","u8);
        }
    }

    private static bool PromptIsText(ReadOnlySpan<byte> body) => Find(body, "prompt"u8, out Range prompt) && body[prompt][0] == '"';

    /// <summary>Whether a chat shows the model more than text, which no prompt of token ids can.</summary>
    private static bool HasMedia(ReadOnlySpan<byte> body) =>
        body.IndexOf("\"image_url\""u8) >= 0 || body.IndexOf("\"input_audio\""u8) >= 0 || body.IndexOf("\"audio_url\""u8) >= 0
        || body.IndexOf("\"video_url\""u8) >= 0 || body.IndexOf("\"image_embeds\""u8) >= 0;

    private static bool Find(ReadOnlySpan<byte> body, ReadOnlySpan<byte> field, out Range value)
    {
        value = default;
        var json = new Utf8JsonReader(body);
        json.Read();
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            bool isIt = json.ValueTextEquals(field);
            json.Read();
            int start = (int)json.TokenStartIndex;
            json.Skip();
            if (isIt)
                value = start..(int)json.BytesConsumed;
        }
        return !AnswerSoFar.IsEmpty(value);
    }

    private static void Append(PooledBytes to, int? number)
    {
        if (number is not { } value)
        {
            to.Append("null"u8);
            return;
        }
        Utf8Formatter.TryFormat(value, to.GetSpan(11), out int written);
        to.Advance(written);
    }
}
