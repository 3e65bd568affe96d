using System.Buffers;
using System.Text;
using System.Text.Json;
using FleetRouter.EngineSim.Driving;
using FleetRouter.EngineSim.Http;

namespace FleetRouter.EngineSim.Replies;

/// <summary>An answer of /v1/chat/completions, as text or as a tool call.</summary>
internal sealed class ChatReply(string id, long created, string model, Prompt prompt, Generation generation, ReplyOptions options)
    : Reply(id, created, model, prompt, generation, options)
{
    private readonly byte[] _head =
        [.. "data: {\"id\":\""u8, .. Escaped(id), .. Encoding.ASCII.GetBytes($"\",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":\""), .. Escaped(model), .. "\","u8];

    private string ToolCallId => "chatcmpl-tool-" + Id[(Id.IndexOf('-') + 1)..];

    public override void WriteOpening(IBufferWriter<byte> output)
    {
        output.Write(_head);
        output.Write("\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}],\"prompt_token_ids\":"u8);
        if (Options.TokenIds)
            WriteIds(output, Prompt.Tokens);
        else
            output.Write("null"u8);
        output.Write(",\"prompt_text\":null"u8);
        EndChunk(output, 0);
        if (Answer.FunctionName is { } function)
        {
            output.Write(_head);
            output.Write("\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\""u8);
            output.Write(Escaped(ToolCallId));
            output.Write("\",\"type\":\"function\",\"index\":0,\"function\":{\"name\":\""u8);
            output.Write(Escaped(function));
            output.Write("\",\"arguments\":\"\"}}]},\"logprobs\":null,\"finish_reason\":null,\"token_ids\":null}]"u8);
            EndChunk(output, 0);
        }
    }

    public override void WriteToken(IBufferWriter<byte> output, int index, bool isLast)
    {
        // Tokens that show no text, such as those of a tool call's name, have no chunk unless somebody counts token ids.
        bool endsReasoning = index == Answer.ReasoningEnd;
        if (!Options.TokenIds && !EndsHere(isLast) && (endsReasoning || Answer.FixedText is not null && Answer.TextOf(index).Length == 0))
            return;
        output.Write(_head);
        if (endsReasoning)
        {
            output.Write("\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"u8);
        }
        else if (Answer.FunctionName is null)
        {
            output.Write(index < Answer.ReasoningEnd ? "\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\""u8 : "\"choices\":[{\"index\":0,\"delta\":{\"content\":\""u8);
            WriteText(output, index);
            output.Write("\"},\"logprobs\":null,\"finish_reason\":"u8);
        }
        else
        {
            output.Write("\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\""u8);
            WriteText(output, index);
            output.Write("\"}}]},\"logprobs\":null,\"finish_reason\":"u8);
        }
        output.Write(EndsHere(isLast) ? "\"length\",\"stop_reason\":null,\"token_ids\":"u8 : "null,\"token_ids\":"u8);
        WriteTokenIds(output, index);
        output.Write("}]"u8);
        EndChunk(output, index + 1);
    }

    public override void WriteEnding(IBufferWriter<byte> output)
    {
        if (!EndsHere(Generation.Tokens > 0))
        {
            output.Write(_head);
            output.Write("\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\""u8);
            output.Write(Escaped(Answer.FinishReason));
            output.Write("\",\"stop_reason\":"u8);
            output.Write(JsonSerializer.SerializeToUtf8Bytes(Answer.StopReason));
            output.Write(Options.TokenIds ? ",\"token_ids\":[]}]"u8 : ",\"token_ids\":null}]"u8);
            EndChunk(output, Generation.Tokens);
        }
        WriteUsageAndDone(output, _head);
    }

    public override void WriteWhole(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", "chat.completion");
        json.WriteNumber("created", Created);
        json.WriteString("model", Model);
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", 0);
        WriteMessage(json);
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", Answer.FinishReason);
        json.WriteString("stop_reason", Answer.StopReason);
        WriteAnswerIds(json, "token_ids");
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteNull("service_tier");
        json.WriteString("system_fingerprint", Fingerprint);
        WriteUsage(json);
        json.WriteNull("prompt_logprobs");
        WritePromptIds(json, "prompt_token_ids");
        json.WriteNull("kv_transfer_params");
        json.WriteEndObject();
    }

    private void WriteMessage(Utf8JsonWriter json)
    {
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        string text = Answer.TextOfAll(Generation.Tokens);
        int end = Math.Min(text.Length, 4 * (Answer.ReasoningEnd ?? 0)), begin = Answer.ReasoningEnd is null ? 0 : Math.Min(text.Length, end + 4);
        json.WriteString("content", Answer.FunctionName is null && (begin < text.Length || end == 0) ? text[begin..] : null);
        json.WriteNull("refusal");
        json.WriteNull("annotations");
        json.WriteNull("audio");
        json.WriteNull("function_call");
        json.WriteStartArray("tool_calls");
        if (Answer.FunctionName is { } function)
        {
            json.WriteStartObject();
            json.WriteString("id", ToolCallId);
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", function);
            json.WriteString("arguments", text);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteString("reasoning", end > 0 ? text[..end] : null);
        json.WriteEndObject();
    }
}
