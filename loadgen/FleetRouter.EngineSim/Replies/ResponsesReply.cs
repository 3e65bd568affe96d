using System.Buffers;
using System.Text.Json;
using FleetRouter.EngineSim.Driving;
using FleetRouter.EngineSim.Http;

namespace FleetRouter.EngineSim.Replies;

/// <summary>An answer of /v1/responses: one message of text, or one function call.</summary>
/// <param name="id">Its id, beginning with resp_.</param>
/// <param name="created">Unix seconds.</param>
/// <param name="model">The model asked for.</param>
/// <param name="prompt">The prompt.</param>
/// <param name="generation">The generation.</param>
/// <param name="options">How to write it.</param>
/// <param name="request">The request, parts of which the answer repeats.</param>
internal sealed class ResponsesReply(
    string id, long created, string model, Prompt prompt, Generation generation, ReplyOptions options, JsonElement request)
    : Reply(id, created, model, prompt, generation, options)
{
    private int _sequence;

    private string ItemId => (Answer.FunctionName is null ? "msg_" : "fc_") + Id["resp_".Length..];

    private string CallId => "call_" + Id["resp_".Length..];

    private bool IsCall => Answer.FunctionName is not null;

    public override void WriteOpening(IBufferWriter<byte> output)
    {
        WriteEvent(output, "response.created", json => WriteResponse(json, "in_progress"));
        WriteEvent(output, "response.in_progress", json => WriteResponse(json, "in_progress"));
        WriteEvent(output, "response.output_item.added", json =>
        {
            json.WriteNumber("output_index", 0);
            json.WritePropertyName("item");
            WriteItem(json, null);
        });
        if (!IsCall)
            WriteEvent(output, "response.content_part.added", json => WritePart(json, ""));
    }

    public override void WriteToken(IBufferWriter<byte> output, int index, bool isLast)
    {
        string text = Answer.TextOf(index);
        if (text.Length == 0)
            return;
        WriteEvent(output, IsCall ? "response.function_call_arguments.delta" : "response.output_text.delta", json =>
        {
            WritePlace(json);
            json.WriteString("delta", text);
            if (!IsCall)
                WriteEmptyArray(json, "logprobs");
        });
    }

    public override void WriteEnding(IBufferWriter<byte> output)
    {
        string text = Answer.TextOfAll(Generation.Tokens);
        if (IsCall)
        {
            WriteEvent(output, "response.function_call_arguments.done", json =>
            {
                WritePlace(json);
                json.WriteString("arguments", text);
            });
        }
        else
        {
            WriteEvent(output, "response.output_text.done", json =>
            {
                WritePlace(json);
                json.WriteString("text", text);
                WriteEmptyArray(json, "logprobs");
            });
            WriteEvent(output, "response.content_part.done", json => WritePart(json, text));
        }
        WriteEvent(output, "response.output_item.done", json =>
        {
            json.WriteNumber("output_index", 0);
            json.WritePropertyName("item");
            WriteItem(json, text);
        });
        string status = Answer.FinishReason == "length" ? "incomplete" : "completed";
        WriteEvent(output, "response." + status, json => WriteResponse(json, status));
    }

    public override void WriteWhole(Utf8JsonWriter json) =>
        WriteResponseObject(json, Answer.FinishReason == "length" ? "incomplete" : "completed");

    private void WriteEvent(IBufferWriter<byte> output, string type, Action<Utf8JsonWriter> fields)
    {
        output.Write("event: "u8);
        output.Write(Escaped(type));
        output.Write("\ndata: "u8);
        using (var json = new Utf8JsonWriter(output, PlainJson.Options))
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            json.WriteNumber("sequence_number", _sequence++);
            fields(json);
            json.WriteEndObject();
        }
        output.Write("\n\n"u8);
    }

    private void WriteResponse(Utf8JsonWriter json, string status)
    {
        json.WritePropertyName("response");
        WriteResponseObject(json, status);
    }

    private void WriteResponseObject(Utf8JsonWriter json, string status)
    {
        bool ended = status != "in_progress";
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", "response");
        json.WriteNumber("created_at", Created);
        json.WriteString("status", status);
        json.WriteBoolean("background", false);
        json.WriteNull("error");
        if (status == "incomplete")
        {
            json.WriteStartObject("incomplete_details");
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details");
        }
        Repeat(json, "instructions", "null");
        Repeat(json, "max_output_tokens", "null");
        json.WriteString("model", Model);
        json.WriteStartArray("output");
        if (ended)
            WriteItem(json, Answer.TextOfAll(Generation.Tokens));
        json.WriteEndArray();
        Repeat(json, "parallel_tool_calls", "true");
        json.WriteNull("previous_response_id");
        json.WriteBoolean("store", false);
        Repeat(json, "temperature", "1.0");
        Repeat(json, "text", """{"format":{"type":"text"}}""");
        Repeat(json, "tool_choice", "\"auto\"");
        Repeat(json, "tools", "[]");
        Repeat(json, "top_p", "1.0");
        json.WriteString("truncation", "disabled");
        if (ended)
            WriteResponsesUsage(json);
        else
            json.WriteNull("usage");
        Repeat(json, "metadata", "{}");
        json.WriteEndObject();
    }

    /// <summary>A field as the request had it.</summary>
    private void Repeat(Utf8JsonWriter json, string field, string otherwise)
    {
        json.WritePropertyName(field);
        if (request.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null)
            value.WriteTo(json);
        else
            json.WriteRawValue(otherwise);
    }

    private void WriteResponsesUsage(Utf8JsonWriter json)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", Prompt.Tokens.Length);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", Generation.CachedTokens);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", Generation.Tokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", 0);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", Prompt.Tokens.Length + Generation.Tokens);
        json.WriteEndObject();
    }

    /// <summary>The one output item; without text as it stands before the first token.</summary>
    private void WriteItem(Utf8JsonWriter json, string? text)
    {
        json.WriteStartObject();
        json.WriteString("id", ItemId);
        json.WriteString("type", IsCall ? "function_call" : "message");
        json.WriteString("status", text is null ? "in_progress" : Answer.FinishReason == "length" ? "incomplete" : "completed");
        if (IsCall)
        {
            json.WriteString("arguments", text ?? "");
            json.WriteString("call_id", CallId);
            json.WriteString("name", Answer.FunctionName);
        }
        else
        {
            json.WriteString("role", "assistant");
            json.WriteStartArray("content");
            if (text is not null)
                WriteTextPart(json, text);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private void WritePart(Utf8JsonWriter json, string text)
    {
        WritePlace(json);
        json.WritePropertyName("part");
        WriteTextPart(json, text);
    }

    private static void WriteTextPart(Utf8JsonWriter json, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", "output_text");
        json.WriteString("text", text);
        WriteEmptyArray(json, "annotations");
        WriteEmptyArray(json, "logprobs");
        json.WriteEndObject();
    }

    private void WritePlace(Utf8JsonWriter json)
    {
        json.WriteString("item_id", ItemId);
        json.WriteNumber("output_index", 0);
        if (!IsCall)
            json.WriteNumber("content_index", 0);
    }

    private static void WriteEmptyArray(Utf8JsonWriter json, string field)
    {
        json.WriteStartArray(field);
        json.WriteEndArray();
    }
}
