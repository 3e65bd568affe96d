using System.Text;
using System.Text.Json;
using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>Requests of every kind, each a function of the seed and its number.</summary>
/// <param name="model">Name of the model asked for.</param>
/// <param name="seed">The run's seed, which is the stand-ins' too.</param>
internal sealed class ChaosWorkload(string model, ulong seed)
{
    /// <summary>Requests in a row that end at the same token, so that faults can be aimed at their ends.</summary>
    public const int Row = 50;

    private const int LongestAnswer = 260, SystemPrompts = 12, Sessions = 300;

    /// <summary>Shares of the kinds, per cent.</summary>
    private static readonly (RequestKind Kind, int Share)[] Mix =
    [
        (RequestKind.Plain, 33), (RequestKind.MaxTokens, 20), (RequestKind.Stop, 18), (RequestKind.MinTokens, 8), (RequestKind.Cancel, 15),
        (RequestKind.Schema, 2), (RequestKind.Tool, 2), (RequestKind.LogProbs, 2),
    ];

    /// <summary>In every fourth row the kinds that end at a token of choice.</summary>
    private static readonly (RequestKind Kind, int Share)[] AimedMix =
        [(RequestKind.MaxTokens, 40), (RequestKind.Stop, 35), (RequestKind.Cancel, 25)];

    /// <summary>The request of a number.</summary>
    public ChaosRequest Request(int number)
    {
        var random = new SplitMix64(SplitMix64.Combine(seed, (ulong)number));
        int? seam = number / Row % 4 == 3 ? 3 + new SplitMix64(SplitMix64.Combine(seed, ~(ulong)(number / Row))).Below(80) : null;
        var kind = Draw(ref random, seam is null ? Mix : AimedMix);
        var chat = kind == RequestKind.Tool || random.Below(100) < 70;
        var streams = kind == RequestKind.Cancel || random.Below(100) < 88;
        var tools = kind == RequestKind.Tool ? Tools(number) : null;

        var reasons = chat && kind is not (RequestKind.Schema or RequestKind.Tool or RequestKind.LogProbs) && random.Below(100) < 25;

        var (messages, prompt) = Prompt(chat, tools, reasons, ref random);
        var answer = SyntheticAnswer.To(prompt);
        while (kind is not (RequestKind.Schema or RequestKind.Tool) && answer.NaturalLength(seed) is var length && (length > LongestAnswer || length < (seam + 2 ?? 0)))
        {
            (messages, prompt) = Prompt(chat, tools, reasons, ref random);
            answer = SyntheticAnswer.To(prompt);
        }
        var natural = answer.NaturalLength(seed);
        var bounds = Bounds(kind, answer, natural, seam, ref random);
        var json = kind == RequestKind.Schema ? Object(number) : kind == RequestKind.Tool ? Arguments(number) : null;
        var expected = json is null
            ? ExpectedAnswer.InWords(prompt, seed, bounds)
            : ExpectedAnswer.InJson(prompt, json, kind == RequestKind.Tool ? "note" : null);
        var usage = !streams || random.Below(100) < 45;
        var request = new ChaosRequest
        {
            Number = number, Kind = kind, Chat = chat, Streams = streams, Model = model, Expected = expected, Body = [],
            Usage = usage, HasStop = bounds.Stop.Count > 0, Reasons = reasons,
            ContinuousUsage = streams && usage && random.Below(100) < 12,
            TokenIds = kind != RequestKind.Tool && random.Below(100) < 20,
            CancelAfter = kind == RequestKind.Cancel ? Math.Min(seam ?? 1 + random.Below(natural), expected.Tokens.Length) : null,
            Session = random.Below(100) < 30 ? $"chaos-{random.Below(Sessions)}" : null,
            Aim = seam + random.Below(3) - 1,
        };
        return request with { Body = Body(request, messages, bounds, tools, json) };
    }

    private static RequestKind Draw(ref SplitMix64 random, (RequestKind Kind, int Share)[] mix)
    {
        var draw = random.Below(100);
        foreach (var (kind, share) in mix)
            if ((draw -= share) < 0) return kind;
        return mix[^1].Kind;
    }

    /// <summary>The messages, or the one text of a completion, and the tokens an engine makes of them.</summary>
    private (List<ChatMessage> Messages, uint[] Tokens) Prompt(bool chat, string? tools, bool reasons, ref SplitMix64 random)
    {
        List<ChatMessage> messages = [new("system", Words(SplitMix64.Combine(seed, (ulong)random.Below(SystemPrompts)), 64 + 32 * random.Below(6)))];
        for (var turn = random.Below(4) == 0 ? 1 : 0; turn > 0; turn--)
            messages.AddRange([new("user", Words(random.Next(), 8 + random.Below(40))), new("assistant", Words(random.Next(), 8 + random.Below(60)))]);
        messages.Add(new ChatMessage("user", Words(random.Next(), 8 + random.Below(200))));
        if (chat) return (messages, ChatPrompt.Render(messages, tools: tools, reasons: reasons).Tokens);
        var text = string.Concat(messages.Select(message => message.Content));
        return ([new ChatMessage("", text)], SyntheticTokenizer.Encode(text));
    }

    private static string Words(ulong key, int tokens)
    {
        var text = new byte[4 * tokens];
        SyntheticText.Fill(key, text);
        return Encoding.ASCII.GetString(text);
    }

    private AnswerBounds Bounds(RequestKind kind, SyntheticAnswer answer, int natural, int? seam, ref SplitMix64 random)
    {
        switch (kind)
        {
            case RequestKind.MaxTokens:
                // An answer that would end there by itself has two right reasons to: stand-ins have no token for an end.
                var most = seam ?? 1 + random.Below(160);
                return new AnswerBounds { MaxTokens = most, IgnoreEos = random.Below(4) == 0 || most == natural };
            case RequestKind.MinTokens:
                // Sometimes with a stop string that would have ended it before.
                var least = natural + 1 + random.Below(30);
                return new AnswerBounds { MinTokens = least, Stop = random.Below(3) == 0 ? [StopAt(answer, 2 + random.Below(natural), ref random)] : [] };
            case RequestKind.Stop:
                var token = seam ?? 1 + random.Below(Math.Max(1, natural - 2));
                List<string> stop = [StopAt(answer, Math.Min(token, natural - 2), ref random)];
                // One that only seems to come: its beginning stands in the answer, its end does not.
                if (random.Below(2) == 0) stop.Add(StopAt(answer, random.Below(natural - 2), ref random)[..4] + "~");
                if (random.Below(2) == 0) stop.Reverse();
                return new AnswerBounds { Stop = stop, MaxTokens = random.Below(4) == 0 ? natural + 1 : null };
            case RequestKind.Schema or RequestKind.Tool:
                return new AnswerBounds();
            default:
                return new AnswerBounds { MaxTokens = random.Below(3) == 0 ? 400 : null };
        }
    }

    /// <summary>A piece of the answer that begins within a token and ends within the next one or two, and not around the end of its reasoning.</summary>
    private static string StopAt(SyntheticAnswer answer, int token, ref SplitMix64 random)
    {
        var skipped = 1 + random.Below(3);
        if (answer.ReasoningEnd is { } end && end >= token && end <= token + 2) token = end + 1;
        return answer.Text(token, 3).Substring(skipped, 5 + random.Below(5));
    }

    private static string Object(int number) => $$"""{"place":"Paris","number":{{number}},"words":"{{Words((ulong)number, 30)}}"}""";

    private static string Arguments(int number) => $$"""{"text":"{{Words((ulong)number + 1, 25)}}"}""";

    /// <summary>A schema that admits one object.</summary>
    private static string Schema(string json)
    {
        using var document = JsonDocument.Parse(json);
        var properties = document.RootElement.EnumerateObject().Select(property => $"\"{property.Name}\":{{\"const\":{property.Value.GetRawText()}}}");
        return $$$"""{"type":"object","properties":{{{{string.Join(',', properties)}}}}}""";
    }

    private static string Tools(int number) =>
        $$$"""[{"type":"function","function":{"name":"note","parameters":{{{Schema(Arguments(number))}}}}}]""";

    private static byte[] Body(ChaosRequest request, List<ChatMessage> messages, AnswerBounds bounds, string? tools, string? json)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("model", request.Model);
            if (request.Chat) WriteMessages(writer, messages);
            else writer.WriteString("prompt", messages[0].Content);
            if (request.Streams) writer.WriteBoolean("stream", true);
            if (request.Streams && request.Usage)
            {
                writer.WriteStartObject("stream_options");
                writer.WriteBoolean("include_usage", true);
                if (request.ContinuousUsage) writer.WriteBoolean("continuous_usage_stats", true);
                writer.WriteEndObject();
            }
            // Without a bound of its own a completion has 16 tokens.
            if ((bounds.MaxTokens ?? (request.Chat ? null : 4000)) is { } most) writer.WriteNumber(request.Chat && request.Number % 2 == 0 ? "max_completion_tokens" : "max_tokens", most);
            if (request.Reasons)
            {
                writer.WritePropertyName("chat_template_kwargs");
                writer.WriteRawValue("""{"enable_thinking":true}""");
            }
            if (bounds.MinTokens > 0) writer.WriteNumber("min_tokens", bounds.MinTokens);
            if (bounds.IgnoreEos) writer.WriteBoolean("ignore_eos", true);
            WriteStop(writer, bounds.Stop);
            if (request.TokenIds) writer.WriteBoolean("return_token_ids", true);
            writer.WriteNumber("temperature", 0);
            if (request.Kind == RequestKind.LogProbs) writer.WritePropertyName("logprobs");
            if (request.Kind == RequestKind.LogProbs && request.Chat) writer.WriteBooleanValue(true);
            else if (request.Kind == RequestKind.LogProbs) writer.WriteNumberValue(1);
            if (tools is not null)
            {
                writer.WritePropertyName("tools");
                writer.WriteRawValue(tools);
                writer.WriteString("tool_choice", "required");
            }
            else if (json is not null)
            {
                writer.WritePropertyName("response_format");
                writer.WriteRawValue($$$"""{"type":"json_schema","json_schema":{"name":"place","schema":{{{Schema(json)}}}}}""");
            }
            writer.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static void WriteMessages(Utf8JsonWriter writer, List<ChatMessage> messages)
    {
        writer.WriteStartArray("messages");
        foreach (var message in messages)
        {
            writer.WriteStartObject();
            writer.WriteString("role", message.Role);
            writer.WriteString("content", message.Content);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteStop(Utf8JsonWriter writer, IReadOnlyList<string> stop)
    {
        if (stop.Count == 1) writer.WriteString("stop", stop[0]);
        if (stop.Count < 2) return;
        writer.WriteStartArray("stop");
        foreach (var text in stop) writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}
