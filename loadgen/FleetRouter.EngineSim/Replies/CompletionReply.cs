using System.Buffers;
using System.Text;
using System.Text.Json;
using FleetRouter.EngineSim.Driving;
using FleetRouter.EngineSim.Http;
using FleetRouter.Simulation.Text;

namespace FleetRouter.EngineSim.Replies;

/// <summary>An answer of /v1/completions.</summary>
internal sealed class CompletionReply(string id, long created, string model, Prompt prompt, Generation generation, ReplyOptions options)
    : Reply(id, created, model, prompt, generation, options)
{
    private readonly byte[] _head =
        [.. "data: {\"id\":\""u8, .. Escaped(id), .. Encoding.ASCII.GetBytes($"\",\"object\":\"text_completion\",\"created\":{created},\"model\":\""), .. Escaped(model), .. "\","u8];

    private bool _promptWritten;

    public override void WriteOpening(IBufferWriter<byte> output)
    {
        // A completion's first chunk is its first token's.
    }

    public override void WriteToken(IBufferWriter<byte> output, int index, bool isLast)
    {
        output.Write(_head);
        output.Write("\"choices\":[{\"index\":0,\"text\":\""u8);
        if (index == Answer.ReasoningEnd)
            output.Write("</think>"u8);
        else
            WriteText(output, index);
        output.Write(EndsHere(isLast) ? "\",\"logprobs\":null,\"finish_reason\":\"length\""u8 : "\",\"logprobs\":null,\"finish_reason\":null"u8);
        output.Write(",\"stop_reason\":null,\"token_ids\":"u8);
        WriteTokenIds(output, index);
        WritePromptIdsOnce(output);
        EndChunk(output, index + 1);
    }

    public override void WriteEnding(IBufferWriter<byte> output)
    {
        if (!EndsHere(Generation.Tokens > 0))
        {
            output.Write(_head);
            output.Write("\"choices\":[{\"index\":0,\"text\":\"\",\"logprobs\":null,\"finish_reason\":\""u8);
            output.Write(Escaped(Answer.FinishReason));
            output.Write("\",\"stop_reason\":"u8);
            output.Write(JsonSerializer.SerializeToUtf8Bytes(Answer.StopReason));
            output.Write(Options.TokenIds ? ",\"token_ids\":[]"u8 : ",\"token_ids\":null"u8);
            WritePromptIdsOnce(output);
            EndChunk(output, Generation.Tokens);
        }
        WriteUsageAndDone(output, _head);
    }

    public override void WriteWhole(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", "text_completion");
        json.WriteNumber("created", Created);
        json.WriteString("model", Model);
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", 0);
        json.WriteString("text", Answer.TextOfAll(Generation.Tokens).Replace(SyntheticTokenizer.ReasoningEndsMark, SyntheticTokenizer.ReasoningEndsText, StringComparison.Ordinal));
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", Answer.FinishReason);
        json.WriteString("stop_reason", Answer.StopReason);
        WriteAnswerIds(json, "token_ids");
        json.WriteNull("prompt_logprobs");
        WritePromptIds(json, "prompt_token_ids");
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteNull("service_tier");
        json.WriteString("system_fingerprint", Fingerprint);
        WriteUsage(json);
        json.WriteNull("kv_transfer_params");
        json.WriteEndObject();
    }

    private void WritePromptIdsOnce(IBufferWriter<byte> output)
    {
        output.Write(",\"prompt_token_ids\":"u8);
        if (Options.TokenIds && !_promptWritten)
            WriteIds(output, Prompt.Tokens);
        else
            output.Write("null"u8);
        _promptWritten = true;
        output.Write("}]"u8);
    }
}
