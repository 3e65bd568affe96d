using System.Text;
using System.Text.Json;
using FleetRouter.Simulation.Text;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>
/// Reads the events of one streamed answer and holds every one against what the protocol and the request say: one id, one
/// role, one end, the same fields in every chunk, nothing that was not asked for.
/// </summary>
internal sealed class AnswerReading(ChaosRequest request)
{
    private const int MostTold = 5;

    private readonly StringBuilder _text = new();
    private readonly List<string> _malformed = [];
    private readonly List<uint> _ids = [];
    private string? _id, _finish, _role, _function;
    private long? _created;
    private int _chunks, _shape, _finishes;
    private bool _usageSeen, _promptIdsSeen, _isReasoning;

    /// <summary>[DONE] came.</summary>
    public bool Done { get; private set; }

    /// <summary>The error event that came instead of an end; null for none.</summary>
    public AnswerError? Error { get; private set; }

    /// <summary>What was wrong with the events, in words; the first few.</summary>
    public IReadOnlyList<string> Malformed => _malformed;

    public string Text => _text.ToString();

    /// <summary>Whole tokens of text so far.</summary>
    public int Tokens => _text.Length / SyntheticTokenizer.BytesPerToken;

    /// <summary>The answer came to an end that looks complete to a client: [DONE].</summary>
    public bool LooksComplete => Done;

    /// <summary>Takes an event.</summary>
    /// <returns>Whether it carried text.</returns>
    public bool Take(ReadOnlySpan<byte> data, ReadOnlySpan<byte> name)
    {
        if (Done) Wrong("an event after [DONE]");
        if (data.SequenceEqual("[DONE]"u8))
        {
            if (Error is not null) Wrong("[DONE] after the error");
            Done = true;
            return false;
        }
        if (Error is not null) Wrong("an event after the error");
        var before = _text.Length;
        try
        {
            var reader = new Utf8JsonReader(data);
            using var document = JsonDocument.ParseValue(ref reader);
            if (AnswerError.Of(document.RootElement, name) is { } error) Error = error;
            else Chunk(document.RootElement);
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            Wrong($"an event that cannot be read: {wrong.Message} in {Encoding.UTF8.GetString(data[..Math.Min(data.Length, 200)])}");
        }
        return _text.Length > before;
    }

    /// <summary>Judges an answer that ended by itself, without an error: nothing may be missing.</summary>
    public void End()
    {
        if (!Done) Wrong("no [DONE]");
        if (_chunks == 0) Wrong("no chunk");
        if (request.Chat && _role is null) Wrong("no role");
        if (_finishes == 0) Wrong("no finish_reason");
        else if (_finish != request.Expected.FinishReason) Wrong($"finish_reason {_finish}, expected {request.Expected.FinishReason}");
        if (request.Usage && !_usageSeen) Wrong("no usage");
        if (_function != request.Expected.Function) Wrong($"function {_function ?? "none"}, expected {request.Expected.Function ?? "none"}");
        if (!request.TokenIds) return;
        if (!_promptIdsSeen) Wrong("no prompt_token_ids");
        if (!_ids.SequenceEqual(request.Expected.Tokens))
            Wrong($"token_ids: {_ids.Count}, expected {request.Expected.Tokens.Length}; they part at {_ids.Zip(request.Expected.Tokens).TakeWhile(pair => pair.First == pair.Second).Count()}");
    }

    private void Chunk(JsonElement chunk)
    {
        _chunks++;
        Head(chunk);
        var usage = chunk.TryGetProperty("usage", out var given) && given.ValueKind != JsonValueKind.Null ? given : (JsonElement?)null;
        var choices = chunk.GetProperty("choices");
        switch (choices.GetArrayLength())
        {
            case 0 when usage is { } last:
                if (!request.Usage) Wrong("usage that was not asked for");
                if (_usageSeen) Wrong("a second usage event");
                if (_finishes == 0) Wrong("usage before the finish_reason");
                _usageSeen = true;
                Usage(last, request.Expected.Tokens.Length, exact: true);
                return;
            case 1:
                Choice(chunk, choices[0]);
                break;
            case var count:
                Wrong($"a chunk with {count} choices");
                return;
        }
        if (_usageSeen) Wrong("a chunk after the usage");
        if (usage is not null != request.ContinuousUsage) Wrong(usage is null ? "a chunk without usage" : "a chunk with usage that was not asked for");
        if (usage is { } sofar) Usage(sofar, (_text.Length + 3) / SyntheticTokenizer.BytesPerToken, exact: request is { HasStop: false, Reasons: false, Resumable: true });
    }

    private void Head(JsonElement chunk)
    {
        var id = chunk.GetProperty("id").GetString();
        var created = chunk.GetProperty("created").GetInt64();
        if (_chunks == 1)
        {
            (_id, _created) = (id, created);
            if (id?.StartsWith(request.Chat ? "chatcmpl-" : "cmpl-", StringComparison.Ordinal) != true) Wrong($"id {id}");
        }
        if (id != _id) Wrong($"id {id} after {_id}");
        if (created != _created) Wrong($"created {created} after {_created}");
        if (chunk.GetProperty("model").GetString() is var model && model != request.Model) Wrong($"model {model}");
        if (chunk.GetProperty("object").GetString() is var kind && kind != (request.Chat ? "chat.completion.chunk" : "text_completion")) Wrong($"object {kind}");
        Ids(chunk, "prompt_token_ids", request.TokenIds);
    }

    private void Choice(JsonElement chunk, JsonElement choice)
    {
        if (choice.GetProperty("index").GetInt32() != 0) Wrong("an index other than 0");
        if (choice.TryGetProperty("token_ids", out var ids) && ids.ValueKind != JsonValueKind.Null)
        {
            if (!request.TokenIds) Wrong("token_ids that were not asked for");
            foreach (var token in ids.EnumerateArray()) _ids.Add(token.GetUInt32());
        }
        Ids(choice, "prompt_token_ids", request.TokenIds);
        var firstText = _text.Length == 0;
        var before = _text.Length;
        if (request.Chat) Delta(choice.GetProperty("delta"));
        else _text.Append(choice.GetProperty("text").GetString());
        if (_finishes > 0 && _text.Length > before) Wrong("text after the finish_reason");
        var finish = choice.GetProperty("finish_reason");
        if (finish.ValueKind != JsonValueKind.Null)
        {
            if (++_finishes > 1) Wrong("a second finish_reason");
            _finish = finish.GetString();
            var stop = choice.TryGetProperty("stop_reason", out var reason) ? reason.ToString() : "";
            if (stop != (request.Expected.StopReason ?? "")) Wrong($"stop_reason '{stop}', expected '{request.Expected.StopReason}'");
        }
        else if (_text.Length > before && !firstText && request.Expected.Function is null)
        {
            var shape = Shape(chunk) + Shape(choice) + (request.Chat ? Shape(choice.GetProperty("delta")) : 0);
            if (_shape != 0 && shape != _shape) Wrong($"other fields than the chunks before: {chunk.GetRawText()}");
            _shape = shape;
        }
    }

    private void Delta(JsonElement delta)
    {
        if (delta.TryGetProperty("role", out var role))
        {
            if (_role is not null) Wrong("a second role");
            if (_chunks != 1) Wrong("the role is not in the first chunk");
            _role = role.GetString();
            if (_role != "assistant") Wrong($"role {_role}");
        }
        else if (_chunks == 1)
        {
            Wrong("the first chunk has no role");
        }
        if (delta.TryGetProperty("reasoning", out var reasoning) && reasoning.ValueKind == JsonValueKind.String) Reason(reasoning.GetString()!);
        if (delta.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String) Say(content.GetString()!);
        if (!delta.TryGetProperty("tool_calls", out var calls) || calls.ValueKind != JsonValueKind.Array) return;
        foreach (var call in calls.EnumerateArray())
        {
            var function = call.GetProperty("function");
            if (function.TryGetProperty("name", out var called) && called.ValueKind == JsonValueKind.String) _function += called.GetString();
            if (function.TryGetProperty("arguments", out var arguments)) _text.Append(arguments.GetString());
        }
    }

    private void Reason(string text)
    {
        if (!request.Reasons) Wrong("reasoning that was not asked for");
        if (_text.Length > 0 && !_isReasoning) Wrong("reasoning after the answer's beginning");
        _isReasoning |= text.Length > 0;
        _text.Append(text);
    }

    private void Say(string text)
    {
        if (_isReasoning && text.Length > 0)
        {
            (_isReasoning, _shape) = (false, 0);
            _text.Append(SyntheticTokenizer.ReasoningEndsMark);
        }
        _text.Append(text);
    }

    private void Usage(JsonElement usage, int tokens, bool exact)
    {
        int prompt = usage.GetProperty("prompt_tokens").GetInt32(), completion = usage.GetProperty("completion_tokens").GetInt32();
        if (prompt != request.Expected.Prompt.Length) Wrong($"prompt_tokens {prompt}, expected {request.Expected.Prompt.Length}");
        if (exact ? completion != tokens : completion < tokens || completion > request.Expected.Tokens.Length) Wrong($"completion_tokens {completion}, expected {tokens}");
        if (usage.GetProperty("total_tokens").GetInt32() is var total && total != prompt + completion) Wrong($"total_tokens {total}, expected {prompt + completion}");
    }

    private void Ids(JsonElement of, string name, bool asked)
    {
        if (!of.TryGetProperty(name, out var ids) || ids.ValueKind == JsonValueKind.Null) return;
        if (!asked) Wrong($"{name} that were not asked for");
        else if (_promptIdsSeen) Wrong($"{name} a second time");
        else if (!ids.EnumerateArray().Select(id => id.GetUInt32()).SequenceEqual(request.Expected.Prompt)) Wrong($"other {name} than the prompt's");
        _promptIdsSeen = true;
    }

    // The same whatever the order of the fields; one that is null says as little as one that is absent.
    private static int Shape(JsonElement of)
    {
        var sum = 0;
        foreach (var property in of.EnumerateObject())
            if (property.Value.ValueKind != JsonValueKind.Null) sum += property.Name.GetHashCode(StringComparison.Ordinal);
        return sum;
    }

    private void Wrong(string what)
    {
        if (_malformed.Count < MostTold) _malformed.Add($"{what} (chunk {_chunks})");
    }
}
