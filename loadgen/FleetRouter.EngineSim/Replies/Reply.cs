using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using FleetRouter.EngineSim.Driving;
using FleetRouter.EngineSim.Http;

namespace FleetRouter.EngineSim.Replies;

/// <summary>
/// An answer on the wire: what is written once, what for each token, what at the end. Chunks are assembled from prepared
/// pieces of UTF-8, because a stand-in writes tens of thousands a second on a shared processor.
/// </summary>
internal abstract class Reply(string id, long created, string model, Prompt prompt, Generation generation, ReplyOptions options)
{
    protected const string Fingerprint = "vllm-0.29.0-sim";

    protected string Id => id;
    protected long Created => created;
    protected string Model => model;
    protected Prompt Prompt => prompt;
    protected Generation Generation => generation;
    protected ReplyOptions Options => options;
    protected AnswerPlan Answer => generation.Answer;

    /// <summary>Writes what comes before the first token of a stream.</summary>
    public abstract void WriteOpening(IBufferWriter<byte> output);

    /// <summary>Writes a token of a stream.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="index">Which token, from 0.</param>
    /// <param name="isLast">Whether the generation ends with it.</param>
    public abstract void WriteToken(IBufferWriter<byte> output, int index, bool isLast);

    /// <summary>Writes what comes after the last token of a stream.</summary>
    public abstract void WriteEnding(IBufferWriter<byte> output);

    /// <summary>Writes the answer as one JSON object.</summary>
    public abstract void WriteWhole(Utf8JsonWriter json);

    /// <summary>The body of a whole answer.</summary>
    public byte[] Whole()
    {
        var buffer = new ArrayBufferWriter<byte>(1024 + (8 * generation.Tokens));
        using (var json = new Utf8JsonWriter(buffer, PlainJson.Options))
            WriteWhole(json);
        return buffer.WrittenSpan.ToArray();
    }

    protected static byte[] Escaped(string text) => PlainJson.Escaped(text);

    protected static void Write(IBufferWriter<byte> output, int number)
    {
        var span = output.GetSpan(11);
        Utf8Formatter.TryFormat(number, span, out int written);
        output.Advance(written);
    }

    protected static void WriteIds(IBufferWriter<byte> output, ReadOnlySpan<uint> ids)
    {
        output.Write("["u8);
        for (int i = 0; i < ids.Length; i++)
        {
            var span = output.GetSpan(12);
            int at = 0;
            if (i > 0)
                span[at++] = (byte)',';
            Utf8Formatter.TryFormat(ids[i], span[at..], out int written);
            output.Advance(at + written);
        }
        output.Write("]"u8);
    }

    /// <summary>The text of a token, escaped for JSON.</summary>
    protected void WriteText(IBufferWriter<byte> output, int index)
    {
        if (Answer.FixedText is not null)
        {
            output.Write(Escaped(Answer.TextOf(index)));
            return;
        }
        Answer.Synthetic.WriteUtf8(Answer.Start + index, output.GetSpan(4));
        output.Advance(4);
    }

    /// <summary>The token ids of one token's chunk: null unless asked for.</summary>
    protected void WriteTokenIds(IBufferWriter<byte> output, int index)
    {
        if (Options.TokenIds)
            WriteIds(output, [Answer.Token(index)]);
        else
            output.Write("null"u8);
    }

    /// <summary>The usage after some tokens, as the value of a field.</summary>
    protected void WriteUsage(IBufferWriter<byte> output, int tokens)
    {
        output.Write("{\"prompt_tokens\":"u8);
        Write(output, prompt.Tokens.Length);
        output.Write(",\"total_tokens\":"u8);
        Write(output, prompt.Tokens.Length + tokens);
        output.Write(",\"completion_tokens\":"u8);
        Write(output, tokens);
        output.Write(",\"prompt_tokens_details\":{\"cached_tokens\":"u8);
        Write(output, generation.CachedTokens);
        output.Write("}}"u8);
    }

    protected void WriteUsage(Utf8JsonWriter json)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", prompt.Tokens.Length);
        json.WriteNumber("total_tokens", prompt.Tokens.Length + generation.Tokens);
        json.WriteNumber("completion_tokens", generation.Tokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", generation.CachedTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    protected void WriteAnswerIds(Utf8JsonWriter json, string field)
    {
        if (!Options.TokenIds)
        {
            json.WriteNull(field);
            return;
        }
        json.WriteStartArray(field);
        for (int i = 0; i < generation.Tokens; i++)
            json.WriteNumberValue(Answer.Token(i));
        json.WriteEndArray();
    }

    protected void WritePromptIds(Utf8JsonWriter json, string field)
    {
        if (!Options.TokenIds)
        {
            json.WriteNull(field);
            return;
        }
        json.WriteStartArray(field);
        foreach (uint token in prompt.Tokens)
            json.WriteNumberValue(token);
        json.WriteEndArray();
    }

    /// <summary>A text that ran into its limit says so on its last content; all other ends have a chunk of their own.</summary>
    protected bool EndsHere(bool isLast) => isLast && Answer.FinishReason == "length";

    /// <summary>Ends a chunk of a chat or completions stream, with the usage so far where it is asked for with each.</summary>
    protected void EndChunk(IBufferWriter<byte> output, int tokens)
    {
        if (Options.ContinuousUsage)
        {
            output.Write(",\"usage\":"u8);
            WriteUsage(output, tokens);
        }
        output.Write("}\n\n"u8);
    }

    /// <summary>The last chunk of chat and completions streams: usage without choices, where asked for, then [DONE].</summary>
    protected void WriteUsageAndDone(IBufferWriter<byte> output, ReadOnlySpan<byte> head)
    {
        if (options.IncludeUsage)
        {
            output.Write(head);
            output.Write("\"choices\":[],\"usage\":"u8);
            WriteUsage(output, generation.Tokens);
            output.Write(",\"system_fingerprint\":\""u8);
            output.Write(Escaped(Fingerprint));
            output.Write("\"}\n\n"u8);
        }
        output.Write("data: [DONE]\n\n"u8);
    }
}
