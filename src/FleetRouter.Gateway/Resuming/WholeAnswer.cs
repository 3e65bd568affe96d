using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using FleetRouter.Gateway.Forwarding;

namespace FleetRouter.Gateway.Resuming;

/// <summary>A whole answer for a client that did not ask for a stream, put together from the stream the gateway had in its place: so
/// it survives its engine, and can be carried over to another, as a stream does.</summary>
internal sealed class WholeAnswer(ResumableStream events, Attempt attempt) : PassingStream
{
    private static readonly JsonWriterOptions AsEngines = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly EventReader _reader = new();
    private readonly PooledBytes _text = new(), _reasoning = new(), _ids = new(), _promptIds = new(), _whole = new();
    private ReasoningNames _reasoningNames;
    private JsonElement _first;
    private JsonElement? _usage, _stopReason;
    private string? _finish, _fingerprint;
    private int _read, _restarts;
    private bool _done;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default)
    {
        if (!_done)
        {
            await CollectAsync(cancellation);
            Write();
            _done = true;
        }
        int count = Math.Min(buffer.Length, _whole.Length - _read);
        _whole.Span.Slice(_read, count).CopyTo(buffer.Span);
        _read += count;
        return count;
    }

    /// <exception cref="IOException">The answer broke off for good; nothing of it has reached the client.</exception>
    private async Task CollectAsync(CancellationToken cancellation)
    {
        while (await events.ReadAsync(_reader.Room(), cancellation) is > 0 and var read)
        {
            if (_restarts != events.Restarts)
                Forget();
            _reader.Came(read);
            while (_reader.TryTake(out ReadOnlySpan<byte> bytes))
                Take(bytes);
        }
        if (attempt.Broke)
            throw new IOException("the answer broke off");
    }

    private void Forget()
    {
        _restarts = events.Restarts;
        foreach (PooledBytes collected in (PooledBytes[])[_text, _reasoning, _ids, _promptIds])
            collected.CutTo(0);
        (_first, _usage, _stopReason, _finish) = (default, null, null, null);
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        if (!AnswerEvent.TryRead(bytes, out AnswerEvent told) || told.IsDone || AnswerSoFar.IsEmpty(told.Data))
            return;
        if (_first.ValueKind == JsonValueKind.Undefined || !told.HasChoice)
            TakeParsed(JsonDocument.Parse(bytes[told.Data].ToArray()).RootElement);
        _text.Append(bytes[told.Text]);
        _reasoning.Append(bytes[told.Reasoning]);
        _reasoningNames |= told.ReasoningNames;
        if (_promptIds.Length == 0)
            _promptIds.Append(AnswerSoFar.Inner(bytes, told.PromptTokenIds));
        if (AnswerSoFar.Inner(bytes, told.TokenIds) is { Length: > 0 } ids)
        {
            _ids.Append(_ids.Length > 0 ? ","u8 : default);
            _ids.Append(ids);
        }
        if (!AnswerSoFar.IsEmpty(told.Finish))
            _finish = Encoding.UTF8.GetString(bytes[told.Finish]);
        if (!AnswerSoFar.IsEmpty(told.StopReason))
            _stopReason = JsonDocument.Parse(bytes[told.StopReason].ToArray()).RootElement;
    }

    private void TakeParsed(JsonElement chunk)
    {
        if (_first.ValueKind == JsonValueKind.Undefined)
            _first = chunk;
        if (chunk.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object)
            _usage = usage;
        if (chunk.TryGetProperty("system_fingerprint", out JsonElement fingerprint) && fingerprint.ValueKind == JsonValueKind.String)
            _fingerprint = fingerprint.GetString();
    }

    /// <summary>Writes the answer with the fields and in the order of vLLM's own.</summary>
    private void Write()
    {
        bool isChat = attempt.Terms.IsChat;
        using var json = new Utf8JsonWriter(_whole, AsEngines);
        json.WriteStartObject();
        if (_first.ValueKind == JsonValueKind.Object)
        {
            Copy(json, "id");
            json.WriteString("object", isChat ? "chat.completion" : "text_completion");
            Copy(json, "created");
            Copy(json, "model");
        }
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", 0);
        if (isChat)
            WriteMessage(json);
        else
            WriteText(json, "text", _text);
        json.WriteNull("logprobs");
        json.WriteString("finish_reason", _finish);
        json.WritePropertyName("stop_reason");
        if (_stopReason is { } reason)
            reason.WriteTo(json);
        else
            json.WriteNullValue();
        WriteIds(json, "token_ids", _ids);
        if (!isChat)
        {
            json.WriteNull("prompt_logprobs");
            WriteIds(json, "prompt_token_ids", _promptIds);
        }
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteNull("service_tier");
        json.WriteString("system_fingerprint", _fingerprint);
        if (_usage is { } usage)
        {
            json.WritePropertyName("usage");
            usage.WriteTo(json);
        }
        if (isChat)
        {
            json.WriteNull("prompt_logprobs");
            WriteIds(json, "prompt_token_ids", _promptIds);
        }
        json.WriteNull("kv_transfer_params");
        json.WriteEndObject();
    }

    private void WriteMessage(Utf8JsonWriter json)
    {
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        if (_reasoning.Length > 0 && _text.Length == 0)
            json.WriteNull("content");
        else
            WriteText(json, "content", _text);
        json.WriteNull("refusal");
        json.WriteNull("annotations");
        json.WriteNull("audio");
        json.WriteNull("function_call");
        json.WriteStartArray("tool_calls");
        json.WriteEndArray();
        if (_reasoningNames == ReasoningNames.None)
            json.WriteNull("reasoning");
        if (_reasoningNames.HasFlag(ReasoningNames.Reasoning))
            WriteText(json, "reasoning", _reasoning);
        if (_reasoningNames.HasFlag(ReasoningNames.ReasoningContent))
            WriteText(json, "reasoning_content", _reasoning);
        json.WriteEndObject();
    }

    private void WriteIds(Utf8JsonWriter json, string name, PooledBytes ids)
    {
        if (!attempt.Terms.WantsTokenIds)
        {
            json.WriteNull(name);
            return;
        }
        json.WritePropertyName(name);
        json.WriteRawValue((ReadOnlySpan<byte>)[(byte)'[', .. ids.Span, (byte)']']);
    }

    private static void WriteText(Utf8JsonWriter json, string name, PooledBytes text)
    {
        json.WritePropertyName(name);
        json.WriteRawValue((ReadOnlySpan<byte>)[(byte)'"', .. text.Span, (byte)'"']);
    }

    private void Copy(Utf8JsonWriter json, string name)
    {
        if (!_first.TryGetProperty(name, out JsonElement value))
            return;
        json.WritePropertyName(name);
        value.WriteTo(json);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            events.Dispose();
            _reader.Dispose();
            foreach (PooledBytes bytes in (PooledBytes[])[_text, _reasoning, _ids, _promptIds, _whole])
                bytes.Dispose();
        }
        base.Dispose(disposing);
    }
}
