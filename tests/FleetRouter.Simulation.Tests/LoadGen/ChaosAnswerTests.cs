using System.Text;
using System.Text.Json.Nodes;
using FleetRouter.LoadGen.Chaos;

namespace FleetRouter.Simulation.Tests.LoadGen;

/// <summary>The judge of answers under faults finds everything that can be wrong with one.</summary>
public class ChaosAnswerTests
{
    private static readonly ChaosWorkload Workload = new("sim/llama-3.1-8b", seed: 5);

    /// <summary>The first request of that nature.</summary>
    private static ChaosRequest Request(Func<ChaosRequest, bool> fits) => Enumerable.Range(0, 10_000).Select(Workload.Request).First(fits);

    private static ChaosRequest Chat(bool usage = false, bool ids = false, bool continuous = false) => Request(r =>
        r is { Chat: true, Streams: true, Kind: RequestKind.MaxTokens, Expected.Tokens.Length: > 10 and < 60, Expected.FinishReason: "length" }
        && r.Usage == usage && r.TokenIds == ids && r.ContinuousUsage == continuous);

    /// <summary>A right answer's events, for a test to spoil.</summary>
    private static List<JsonObject> Events(ChaosRequest request)
    {
        JsonObject Chunk(JsonNode choices) => new()
        {
            ["id"] = "chatcmpl-1", ["object"] = "chat.completion.chunk", ["created"] = 1_700_000_000, ["model"] = request.Model, ["choices"] = choices,
        };
        JsonObject Usage(int tokens) => new()
        {
            ["prompt_tokens"] = request.Expected.Prompt.Length, ["completion_tokens"] = tokens, ["total_tokens"] = request.Expected.Prompt.Length + tokens,
        };
        var events = new List<JsonObject>();
        for (var token = -1; token < request.Expected.Tokens.Length; token++)
        {
            var delta = token < 0 ? new JsonObject { ["role"] = "assistant", ["content"] = "" } : new JsonObject { ["content"] = request.Expected.Text.Substring(4 * token, 4) };
            var choice = new JsonObject { ["index"] = 0, ["delta"] = delta, ["finish_reason"] = token == request.Expected.Tokens.Length - 1 ? request.Expected.FinishReason : null };
            if (token >= 0) choice["token_ids"] = request.TokenIds ? new JsonArray(request.Expected.Tokens[token]) : null;
            var chunk = Chunk(new JsonArray(choice));
            if (token < 0 && request.TokenIds) chunk["prompt_token_ids"] = new JsonArray([.. request.Expected.Prompt.Select(id => JsonValue.Create(id))]);
            if (request.ContinuousUsage) chunk["usage"] = Usage(token + 1);
            events.Add(chunk);
        }
        if (request.Usage)
        {
            var last = Chunk(new JsonArray());
            last["usage"] = Usage(request.Expected.Tokens.Length);
            events.Add(last);
        }
        return events;
    }

    private static AnswerReading Read(ChaosRequest request, IEnumerable<JsonObject> events, bool done = true)
    {
        var reading = new AnswerReading(request);
        foreach (var one in events) reading.Take(Encoding.UTF8.GetBytes(one.ToJsonString()), default);
        if (done) reading.Take("[DONE]"u8, default);
        reading.End();
        return reading;
    }

    private static JsonNode Choice(JsonObject chunk) => chunk["choices"]![0]!;

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(true, false, true)]
    public void A_right_answer_passes(bool usage, bool ids, bool continuous)
    {
        var request = Chat(usage, ids, continuous);
        var reading = Read(request, Events(request));
        Assert.Empty(reading.Malformed);
        Assert.Equal(request.Expected.Text, reading.Text);
    }

    public static TheoryData<string, Action<List<JsonObject>>, string> Spoils() => new()
    {
        { "another id", events => events[5]["id"] = "chatcmpl-2", "id chatcmpl-2 after chatcmpl-1" },
        { "a foreign id", events => events[0]["id"] = "cmpl-1", "id cmpl-1" },
        { "another time", events => events[5]["created"] = 1_700_000_001, "created 1700000001 after 1700000000" },
        { "another model", events => events[5]["model"] = "other", "model other" },
        { "another object", events => events[5]["object"] = "text_completion", "object text_completion" },
        { "a second role", events => Choice(events[5])["delta"]!["role"] = "assistant", "a second role" },
        { "no role", events => events.RemoveAt(0), "the first chunk has no role" },
        { "a second opening", events => events.Insert(5, (JsonObject)events[0].DeepClone()), "a second role" },
        { "a second end", events => events.Add((JsonObject)events[^1].DeepClone()), "a second finish_reason" },
        { "another end", events => Choice(events[^1])["finish_reason"] = "stop", "finish_reason stop, expected length" },
        { "no end", events => Choice(events[^1])["finish_reason"] = null, "no finish_reason" },
        { "a stop string that was none", events => Choice(events[^1])["stop_reason"] = "x", "stop_reason 'x', expected ''" },
        { "usage unasked", events => events[5]["usage"] = new JsonObject(), "a chunk with usage that was not asked for" },
        { "ids unasked", events => Choice(events[5])["token_ids"] = new JsonArray(1), "token_ids that were not asked for" },
        { "a new field", events => Choice(events[5])["resumed"] = true, "other fields than the chunks before" },
        { "nothing readable", events => events[5]["choices"] = 7, "an event that cannot be read" },
    };

    [Theory]
    [MemberData(nameof(Spoils))]
    public void What_is_wrong_with_a_chunk_is_found(string name, Action<List<JsonObject>> spoil, string complaint)
    {
        var request = Chat();
        var events = Events(request);
        spoil(events);
        Assert.True(Read(request, events).Malformed.Any(wrong => wrong.Contains(complaint, StringComparison.Ordinal)), name);
    }

    [Fact]
    public void A_missing_end_mark_is_found()
    {
        var request = Chat();
        Assert.Contains("no [DONE]", Assert.Single(Read(request, Events(request), done: false).Malformed));
    }

    [Theory]
    [InlineData("completion_tokens")]
    [InlineData("prompt_tokens")]
    [InlineData("total_tokens")]
    public void Wrong_usage_is_found(string field)
    {
        var request = Chat(usage: true);
        var events = Events(request);
        events[^1]["usage"]![field] = 1;
        Assert.Contains(Read(request, events).Malformed, wrong => wrong.StartsWith(field, StringComparison.Ordinal));
    }

    [Fact]
    public void Missing_usage_is_found()
    {
        var request = Chat(usage: true);
        Assert.Contains("no usage", Assert.Single(Read(request, Events(request)[..^1]).Malformed));
    }

    [Fact]
    public void Usage_that_counts_a_token_twice_is_found()
    {
        var request = Chat(usage: true, continuous: true);
        var events = Events(request);
        events[6]["usage"]!["completion_tokens"] = 7;
        Assert.Contains(Read(request, events).Malformed, wrong => wrong.StartsWith("completion_tokens 7, expected 6", StringComparison.Ordinal));
    }

    [Fact]
    public void Other_token_ids_are_found()
    {
        var request = Chat(ids: true);
        var events = Events(request);
        Choice(events[4])["token_ids"] = new JsonArray(1);
        Assert.Contains("they part at 3", Assert.Single(Read(request, events).Malformed));
    }

    [Fact]
    public void An_error_event_is_told_by_its_name()
    {
        var request = Chat();
        var reading = new AnswerReading(request);
        reading.Take("{\"error\":{\"message\":\"m\",\"code\":\"engine_stream_broken\",\"retryable\":true}}"u8, default);
        Assert.Equal(new AnswerError("engine_stream_broken", true, "m"), reading.Error);
        Assert.True(reading.Error!.IsByName);
        Assert.False(reading.LooksComplete);
    }

    [Theory]
    [InlineData(" aaa bbb ccc ddd", " aaa bbb ccc ddd", true, 0, 0, 0)]
    [InlineData(" aaa bbb ccc ddd", " aaa ccc ddd", true, 1, 0, 0)]
    [InlineData(" aaa bbb ccc ddd", " aaa bbb", true, 2, 0, 0)]
    [InlineData(" aaa bbb ccc ddd", " aaa bbb", false, 0, 0, 0)]
    [InlineData(" aaa bbb ccc ddd", " aaa bbb bbb ccc ddd", true, 0, 1, 0)]
    [InlineData(" aaa bbb ccc ddd", " aaa bbb aaa bbb ccc ddd", true, 0, 2, 0)]
    [InlineData(" aaa bbb ccc ddd", " aaa bxb ccc ddd", true, 0, 0, 1)]
    [InlineData(" aaa bbb ccc ddd", " aaa bbb ccc ddd eee", true, 0, 0, 1)]
    [InlineData(" aaa bbb ccc ddd", " aaa bbb ccc ddd ddd", true, 0, 1, 0)]
    [InlineData(" aaa bbb ccc ddd", "", true, 4, 0, 0)]
    public void Tokens_lost_doubled_and_wrong_are_told_apart(string expected, string got, bool whole, int lost, int duplicated, int wrong)
    {
        var difference = TextDifference.Of(expected, got, whole);
        Assert.Equal((lost, duplicated, wrong), (difference.Lost, difference.Duplicated, difference.Wrong));
        Assert.Equal(lost + duplicated + wrong > 0, difference != TextDifference.None);
    }
}
