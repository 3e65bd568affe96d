using System.Net;
using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Tests;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>What the model would say: tokens of bytes, whose ends need not be those of characters. Where it reasons, one of them ends its reasoning.</summary>
internal sealed record Script(uint[] Prompt, byte[][] Tokens, string[] Stops, int MinTokens, int MaxTokens, bool ShowsStop = false, string[]? ReasoningNames = null)
{
    public const string Before = "<think>", Behind = "</think>";

    public bool Reasons => ReasoningNames is not null;

    /// <summary>Parts a beginning of the model's text as a chat shows it.</summary>
    public (string Reasoning, string Text) Part(string made)
    {
        if (!Reasons)
            return ("", made);
        string all = TextOf(Tokens.Length);
        int end = all.IndexOf(Behind, StringComparison.Ordinal);
        return (made[Until(all.StartsWith(Before, StringComparison.Ordinal) ? Before.Length : 0)..Until(end)], made[Until(end + Behind.Length)..]);

        int Until(int place) => Math.Min(place, made.Length);
    }

    /// <summary>Tokens made before the answer ends, its text, and why it ends.</summary>
    public (int Tokens, string Text, string Finish, string? Stop) End()
    {
        string before = "";
        for (int made = 1; ; made++)
        {
            string text = TextOf(made);
            if (made > MinTokens && text.Length > before.Length)
                foreach (string stop in Stops)
                    if (text.IndexOf(stop, Math.Max(0, before.Length - stop.Length + 1), StringComparison.Ordinal) is >= 0 and var at)
                        return (made, text[..(ShowsStop ? at + stop.Length : at)], "stop", stop);
            if (made == Math.Min(MaxTokens, Tokens.Length))
                return (made, text, made == MaxTokens ? "length" : "stop", null);
            before = text;
        }
    }

    /// <summary>The text of the first tokens; where they end within a character, of those before.</summary>
    public string TextOf(int tokens)
    {
        while (!EndsInStep(tokens))
            tokens--;
        return Encoding.UTF8.GetString([.. Tokens.Take(tokens).SelectMany(token => token)]);
    }

    /// <summary>Whether so many tokens end where a character ends.</summary>
    public bool EndsInStep(int tokens)
    {
        byte[] bytes = [.. Tokens.Take(tokens).SelectMany(token => token)];
        return !Encoding.UTF8.GetString(bytes).EndsWith('\uFFFD');
    }

    public static uint IdOf(int index) => 1_000 + (uint)index * 7;
}

/// <summary>An engine that follows a script as vLLM would: tokens of half a character show no text, what may become a stop string is held
/// back, a prompt of ids is gone on with from its last token, and where that leaves half a character its other half is lost. Every answer is
/// cut at a byte that chance has chosen, and comes in pieces.</summary>
internal sealed class ScriptedEngine(Script script, SplitMix64 random, int mostCuts) : HttpMessageHandler
{
    public List<string> Faults { get; } = [];
    public int Calls { get; private set; }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        JsonElement body = JsonDocument.Parse(request.Content!.ReadAsStream(cancellationToken)).RootElement;
        string path = request.RequestUri!.AbsolutePath;
        if (path == "/detokenize")
        {
            int count = body.GetProperty("tokens").EnumerateArray().Select((id, i) => id.GetUInt32() == Script.IdOf(i) ? 1 : throw new InvalidOperationException("ids of no answer")).Sum();
            return Task.FromResult(Json(new { prompt = Encoding.UTF8.GetString([.. script.Tokens.Take(count).SelectMany(token => token)]) }));
        }
        if (path == "/tokenize")
            return Task.FromResult(Json(new { tokens = script.Reasons && body.GetProperty("prompt").GetString() == Script.Behind ? new[] { Script.IdOf(Array.FindIndex(script.Tokens, token => token.AsSpan().SequenceEqual("</think>"u8))) } : [1, 2, 3] }));
        Calls++;
        var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(Stream(path, body)) };
        answer.Content.Headers.ContentType = new("text/event-stream");
        return Task.FromResult(answer);
    }

    private static HttpResponseMessage Json(object value) => new(HttpStatusCode.OK) { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value)) };

    /// <summary>The answer to a call, from where the call says.</summary>
    public Stream Stream(string path, JsonElement body)
    {
        bool isChat = path.EndsWith("/chat/completions", StringComparison.Ordinal);
        int from = From(isChat, body);
        string[] stops = body.TryGetProperty("stop", out JsonElement stop) ? [.. stop.EnumerateArray().Select(s => s.GetString()!)] : [];
        int most = body.TryGetProperty("max_tokens", out JsonElement max) && max.ValueKind == JsonValueKind.Number ? max.GetInt32() : int.MaxValue;
        int least = body.TryGetProperty("min_tokens", out JsonElement min) ? min.GetInt32() : 0;
        byte[] whole = Events(isChat, from, stops, most, least, "e" + Calls);
        bool cuts = mostCuts-- > 0 && random.Chance(0.85);
        return new PiecesStream(whole, random, cuts ? random.Below(whole.Length - "data: [DONE]\n\n".Length) : null);
    }

    private int From(bool isChat, JsonElement body)
    {
        if (!isChat && body.GetProperty("prompt") is { ValueKind: JsonValueKind.Array } prompt)
        {
            uint[] ids = [.. prompt.EnumerateArray().Select(id => id.GetUInt32())];
            uint[] wanted = [.. script.Prompt, .. Enumerable.Range(0, ids.Length - script.Prompt.Length).Select(Script.IdOf)];
            if (!ids.AsSpan().SequenceEqual(wanted))
                Faults.Add($"the prompt [{string.Join(',', ids)}] is not that of the answer");
            return ids.Length - script.Prompt.Length;
        }
        if (!isChat || !body.TryGetProperty("continue_final_message", out _))
            return 0;
        string said = body.GetProperty("messages").EnumerateArray().Last().GetProperty("content").GetString()!;
        int from = 0;
        while (script.Part(script.TextOf(from)).Text.Length < said.Length)
            from++;
        if (script.Part(script.TextOf(from)).Text != said)
            Faults.Add($"the text '{said}' is not that of the answer");
        return from;
    }

    private byte[] Events(bool isChat, int from, string[] stops, int most, int least, string id)
    {
        var events = new StringBuilder();
        string before = script.TextOf(from), shown = before;
        int inStep = from;
        while (!script.EndsInStep(inStep))
            inStep++;
        shown = before = script.TextOf(inStep);   // the rest of a character whose beginning is in the prompt is never shown
        string start = shown;
        if (isChat)
            Event("""{"role":"assistant","content":""}""", null, null, null, true);
        int held = script.ShowsStop || stops.Length == 0 ? 0 : stops.Max(s => s.Length) - 1;
        for (int made = from + 1; ; made++)
        {
            string text = made > from ? Max(script.TextOf(made), before) : before;
            string? stop = null, finish = null;
            int until = Math.Max(shown.Length, text.Length - held);
            if (made - from > least && text.Length > before.Length)
                foreach (string one in stops)
                    if (stop is null && text[start.Length..].IndexOf(one, Math.Max(0, before.Length - start.Length - one.Length + 1), StringComparison.Ordinal) is >= 0 and var at)
                        (stop, finish, until) = (one, "stop", start.Length + (script.ShowsStop ? at + one.Length : at));
            if (stop is null && made - from == Math.Min(most, script.Tokens.Length - from))
                (finish, until) = (made - from == most ? "length" : "stop", text.Length);
            while (until > shown.Length && until < text.Length && char.IsLowSurrogate(text[until]))
                until--;
            string more = until > shown.Length ? text[shown.Length..until] : "", all = shown + more;
            string delta = isChat ? Delta(script.Part(shown), script.Part(all)) : "";
            shown = all;
            before = text;
            Event(isChat ? delta : JsonSerializer.Serialize(more), finish, stop, Script.IdOf(made - 1), made == from + 1 && !isChat);
            if (finish is null)
                continue;
            int prompt = script.Prompt.Length + from;
            events.Append($"data: {{{Head()},\"choices\":[],\"usage\":{{\"prompt_tokens\":{prompt},\"total_tokens\":{prompt + made - from},\"completion_tokens\":{made - from}}}}}\n\ndata: [DONE]\n\n");
            return Encoding.UTF8.GetBytes(events.ToString());
        }

        string Head() => $"\"id\":\"{id}\",\"object\":\"{(isChat ? "chat.completion.chunk" : "text_completion")}\",\"created\":{Calls},\"model\":\"m\"";

        void Event(string said, string? finish, string? stop, uint? token, bool withPrompt)
        {
            string ids = token is null ? "null" : $"[{token}]", prompt = withPrompt ? $"[{string.Join(',', script.Prompt)}]" : "null";
            events.Append($"data: {{{Head()},\"choices\":[{{\"index\":0,\"{(isChat ? "delta" : "text")}\":{said},\"logprobs\":null,\"finish_reason\":{JsonSerializer.Serialize(finish)},\"stop_reason\":{JsonSerializer.Serialize(stop)},\"token_ids\":{ids}{(isChat ? "" : $",\"prompt_token_ids\":{prompt}")}}}]{(isChat ? $",\"prompt_token_ids\":{prompt}" : "")}}}\n\n");
        }

        string Delta((string Reasoning, string Text) shown, (string Reasoning, string Text) all) =>
            !script.Reasons ? $"{{\"content\":{JsonSerializer.Serialize(all.Text[shown.Text.Length..])}}}"
            : $"{{{string.Join(',', script.ReasoningNames!.SelectMany(name => Member(name, all.Reasoning[shown.Reasoning.Length..])).Concat(Member("content", all.Text[shown.Text.Length..])))}}}";

        static IEnumerable<string> Member(string name, string value) => value.Length > 0 ? [$"\"{name}\":{JsonSerializer.Serialize(value)}"] : [];

        static string Max(string x, string y) => x.Length >= y.Length ? x : y;
    }
}
