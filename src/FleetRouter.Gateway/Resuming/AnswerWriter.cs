using System.Buffers.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Writes an answer's events as the client gets them: the first engine's as they came, less what only the router asked for;
/// another engine's in the form the first began.</summary>
internal sealed class AnswerWriter(AnswerTerms terms, AnswerSoFar soFar, PooledBytes output)
{
    /// <summary>Passes an event on as the engine wrote it, without the ids and the usage only the router asked for.</summary>
    public void Pass(ReadOnlySpan<byte> bytes, in AnswerEvent told)
    {
        if (!told.HasChoice && !AnswerSoFar.IsEmpty(told.Usage) && !terms.WantsUsage && told.Choices > 0)
            return;
        if (terms.WantsTokenIds)
        {
            output.Append(bytes);
            return;
        }
        (Range first, Range second) = told.TokenIds.Start.Value <= told.PromptTokenIds.Start.Value
            ? (told.TokenIds, told.PromptTokenIds)
            : (told.PromptTokenIds, told.TokenIds);
        int passed = PassWithout(bytes, 0, first);
        passed = PassWithout(bytes, passed, second);
        output.Append(bytes[passed..]);
    }

    /// <summary>Passes on an event of an answer of the client's own kind that another engine gives: under the head the answer began with.</summary>
    /// <param name="bytes">The whole event.</param>
    /// <param name="told">What it says.</param>
    /// <param name="ownUsage">Whether the engine's counts are those of a part only.</param>
    public void PassUnderHead(ReadOnlySpan<byte> bytes, in AnswerEvent told, bool ownUsage)
    {
        if (told.Choices == 0 || !told.HasChoice && !terms.WantsUsage)
            return;
        Begin();
        int passed = told.Choices;
        if (!terms.WantsTokenIds)
        {
            passed = PassWithout(bytes, passed, told.TokenIds);
            if (told.PromptTokenIds.Start.Value >= passed)
                passed = PassWithout(bytes, passed, told.PromptTokenIds);
        }
        output.Append(bytes[passed..(told.Data.End.Value - 1)]);
        if (ownUsage && terms.WantsUsageAlways)
        {
            output.Append(","u8);
            WriteUsage(null);
        }
        output.Append("}\n\n"u8);
    }

    private int PassWithout(ReadOnlySpan<byte> bytes, int from, Range ids)
    {
        if (AnswerSoFar.IsEmpty(ids))
            return from;
        output.Append(bytes[from..ids.Start]);
        output.Append("null"u8);
        return ids.End.Value;
    }

    /// <summary>Writes an event of the answer in the form it began in.</summary>
    /// <param name="reasoning">The reasoning to show, as it stands in JSON.</param>
    /// <param name="text">The text to show, likewise.</param>
    /// <param name="finish">The finish reason; empty before the end.</param>
    /// <param name="stopReason">The stop reason as a JSON value; empty for none.</param>
    /// <param name="ids">Ids between their brackets; empty where there are none.</param>
    public void Write(ReadOnlySpan<byte> reasoning, ReadOnlySpan<byte> text, ReadOnlySpan<byte> finish, ReadOnlySpan<byte> stopReason, ReadOnlySpan<byte> ids)
    {
        if (reasoning.IsEmpty && text.IsEmpty && finish.IsEmpty && !(terms.WantsTokenIds && !ids.IsEmpty))
            return;
        Begin();
        output.Append("\"choices\":[{\"index\":0,"u8);
        if (!terms.IsChat)
        {
            output.Append("\"text\":\""u8);
            output.Append(text);
            output.Append("\""u8);
        }
        else
            WriteDelta(reasoning, text);
        output.Append(",\"logprobs\":null,\"finish_reason\":"u8);
        if (finish.IsEmpty)
            output.Append("null"u8);
        else
        {
            output.Append("\""u8);
            output.Append(finish);
            output.Append("\""u8);
        }
        if (!finish.IsEmpty || !terms.IsChat)
        {
            output.Append(",\"stop_reason\":"u8);
            output.Append(stopReason.IsEmpty ? "null"u8 : stopReason);
        }
        output.Append(",\"token_ids\":"u8);
        if (terms.WantsTokenIds)
        {
            output.Append("["u8);
            output.Append(ids);
            output.Append("]"u8);
        }
        else
            output.Append("null"u8);
        output.Append(terms.IsChat ? "}]"u8 : ",\"prompt_token_ids\":null}]"u8);
        if (terms.WantsUsageAlways)
        {
            output.Append(","u8);
            WriteUsage(null);
        }
        output.Append("}\n\n"u8);
    }

    private void WriteDelta(ReadOnlySpan<byte> reasoning, ReadOnlySpan<byte> text)
    {
        output.Append("\"delta\":{"u8);
        bool isFirst = true;
        if (soFar.ReasoningNames.HasFlag(ReasoningNames.Reasoning))
            WriteMember("\"reasoning\":\""u8, reasoning, ref isFirst);
        if (soFar.ReasoningNames.HasFlag(ReasoningNames.ReasoningContent))
            WriteMember("\"reasoning_content\":\""u8, reasoning, ref isFirst);
        WriteMember("\"content\":\""u8, text, ref isFirst);
        output.Append("}"u8);
    }

    private void WriteMember(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref bool isFirst)
    {
        if (value.IsEmpty)
            return;
        if (!isFirst)
            output.Append(","u8);
        isFirst = false;
        output.Append(name);
        output.Append(value);
        output.Append("\""u8);
    }

    /// <summary>Writes what follows the finish reason: the usage, if the client asked for it, and the end mark.</summary>
    /// <param name="cachedTokens">Prompt tokens found in a cache, where an engine told.</param>
    public void End(int? cachedTokens)
    {
        if (terms.WantsUsage)
        {
            Begin();
            output.Append("\"choices\":[],"u8);
            WriteUsage(cachedTokens);
            output.Append("}\n\n"u8);
        }
        output.Append("data: [DONE]\n\n"u8);
    }

    /// <summary>Text as it stands in JSON between quotes.</summary>
    public static byte[] Escape(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes.ToArray();

    private void Begin()
    {
        output.Append("data: "u8);
        output.Append(soFar.Head);
    }

    private void WriteUsage(int? cachedTokens)
    {
        int prompt = soFar.PromptTokens ?? 0;
        output.Append("\"usage\":{\"prompt_tokens\":"u8);
        Write(prompt);
        output.Append(",\"total_tokens\":"u8);
        Write(prompt + soFar.Tokens);
        output.Append(",\"completion_tokens\":"u8);
        Write(soFar.Tokens);
        output.Append(",\"prompt_tokens_details\":"u8);
        if (cachedTokens is { } cached)
        {
            output.Append("{\"cached_tokens\":"u8);
            Write(Math.Min(cached, prompt));
            output.Append("}"u8);
        }
        else
            output.Append("null"u8);
        output.Append("}"u8);
    }

    private void Write(int number)
    {
        Utf8Formatter.TryFormat(number, output.GetSpan(11), out int written);
        output.Advance(written);
    }
}
