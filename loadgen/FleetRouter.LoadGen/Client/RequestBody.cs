using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using FleetRouter.Simulation.Traces;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Client;

/// <summary>Which call carries a request.</summary>
internal enum Endpoint { Chat, Completions }

/// <summary>
/// The JSON body of a request. Synthetic text is written straight into it: it needs no escapes. With completions the
/// messages' texts are joined without a separator, so that a block's place in the prompt stays what the trace says.
/// </summary>
internal static class RequestBody
{
    public static ReadOnlyMemory<byte> Write(
        Endpoint endpoint, string model, IReadOnlyList<PromptMessage> prompt, int maxTokens, ulong seed, Func<int, string> answerOf)
    {
        var body = new ArrayBufferWriter<byte>(256 + prompt.Sum(message => message.Text.Tokens * SyntheticText.BytesPerToken + 48));
        Raw(body, "{\"model\":"u8);
        Quoted(body, model);
        if (endpoint == Endpoint.Chat)
        {
            Raw(body, ",\"messages\":["u8);
            for (var i = 0; i < prompt.Count; i++)
            {
                Raw(body, i == 0 ? "{\"role\":"u8 : ",{\"role\":"u8);
                Quoted(body, prompt[i].Role);
                Raw(body, ",\"content\":\""u8);
                Text(body, prompt[i].Text, seed, answerOf);
                Raw(body, "\"}"u8);
            }
            Raw(body, "]"u8);
        }
        else
        {
            Raw(body, ",\"prompt\":\""u8);
            foreach (var message in prompt) Text(body, message.Text, seed, answerOf);
            Raw(body, "\""u8);
        }
        Raw(body, ",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"ignore_eos\":true,\"max_tokens\":"u8);
        maxTokens.TryFormat(body.GetSpan(11), out var digits, default, System.Globalization.CultureInfo.InvariantCulture);
        body.Advance(digits);
        Raw(body, "}"u8);
        return body.WrittenMemory;
    }

    private static void Text(ArrayBufferWriter<byte> body, PromptText text, ulong seed, Func<int, string> answerOf)
    {
        switch (text)
        {
            case BlockText blocks: body.Advance(blocks.Write(seed, body.GetSpan(Math.Max(1, blocks.Bytes)))); break;
            case LiteralText literal: Escaped(body, literal.Text); break;
            case AnswerText answer: Escaped(body, answerOf(answer.Turn)); break;
            default: throw new InvalidOperationException($"No text in {text.GetType().Name}.");
        }
    }

    private static void Quoted(ArrayBufferWriter<byte> body, string text)
    {
        Raw(body, "\""u8);
        Escaped(body, text);
        Raw(body, "\""u8);
    }

    private static void Escaped(ArrayBufferWriter<byte> body, string text) =>
        Raw(body, JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);

    private static void Raw(ArrayBufferWriter<byte> body, ReadOnlySpan<byte> bytes) => body.Write(bytes);
}
