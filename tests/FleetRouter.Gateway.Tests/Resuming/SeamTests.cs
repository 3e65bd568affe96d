using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>Answers that break off anywhere, however often, go on as if nothing had happened: any cut point, any pieces, tokens that end
/// within a character, stop strings and bounds at the seam.</summary>
public sealed class SeamTests
{
    private const int Rounds = 400;
    private static readonly string[] Letters = ["a", "b", "ab", " ", "é", "→", "𝄞", "\"", "\\", "\n", "ß", "日本", "x"];

    [Theory]
    [InlineData(true, false, "")]
    [InlineData(false, false, "")]
    [InlineData(true, true, "")]
    [InlineData(true, false, "tools")]
    [InlineData(false, true, "usage")]
    [InlineData(true, false, "reasoning")]
    [InlineData(true, true, "reasoning")]
    [InlineData(true, false, "reasoning,reasoning_content")]
    public async Task An_answer_cut_anywhere_is_whole(bool isChat, bool wantsIds, string more)
    {
        for (ulong seed = 1; seed <= Rounds; seed++)
        {
            var random = new SplitMix64(seed * 31 + (ulong)(isChat ? 1 : 2));
            Script script = Draw(random, hasStops: more != "tools", reasons: more.Contains("reasoning", StringComparison.Ordinal) ? more.Split(',') : null);
            await CheckAsync(script, random, isChat, wantsIds, more, $"seed {seed}");
        }
    }

    [Fact]
    public async Task Reasoning_of_a_model_without_a_token_that_ends_it_is_given_up_by_name()
    {
        byte[][] tokens = [.. "I think so".Select(letter => new[] { (byte)letter })];
        var engine = new ScriptedEngine(new Script([1], tokens, [], 0, 100), new SplitMix64(1), mostCuts: 0);
        using ResumableRequest request = await ResumableRequest.PlacedAsync("""{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}""", ApiKind.Chat, engine);
        const string Begun = "data: {\"id\":\"e\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"I\"},\"finish_reason\":null,\"token_ids\":[1000]}],\"prompt_token_ids\":[1]}\n\n";
        await using var stream = new ResumableStream(new MemoryStream(Encoding.UTF8.GetBytes(Begun)), request.Attempt);
        string said = await new StreamReader(stream).ReadToEndAsync();
        Assert.Contains("\"reason\":\"reasoning-in-flight\"", said);
        Assert.True(request.Attempt.Broke);
        Assert.Equal(0, engine.Calls);
    }

    private static Script Draw(SplitMix64 random, bool hasStops, string[]? reasons)
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 4 + random.Below(40)).Select(_ => random.Pick(Letters))));
        var tokens = new List<byte[]>();
        for (int at = 0; at < text.Length;)
        {
            int length = Math.Min(text.Length - at, 1 + random.Below(4));
            tokens.Add(text[at..(at + length)]);
            at += length;
        }
        if (reasons is not null)
        {
            // Between characters, as a token of its own.
            int[] places = [.. Enumerable.Range(1, tokens.Count).Where(at => !Encoding.UTF8.GetString([.. tokens.Take(at).SelectMany(token => token)]).EndsWith('\uFFFD'))];
            tokens.Insert(random.Pick(places), [.. "</think>"u8]);
            if (random.Chance(0.5))
                tokens.Insert(0, [.. "<think>"u8]);
        }
        string[] stops = hasStops && random.Chance(0.5) ? [.. Enumerable.Range(0, 1 + random.Below(2)).Select(_ => random.Pick(Letters) + random.Pick(Letters) + random.Pick(Letters))] : [];
        int min = random.Chance(0.3) ? random.Below(8) : 0;
        int max = random.Chance(0.4) ? Math.Max(1, min) + random.Below(tokens.Count) : 10_000;
        return new Script([.. Enumerable.Range(0, 1 + random.Below(20)).Select(i => (uint)i)], [.. tokens], stops, min, max, random.Chance(0.2), reasons);
    }

    private static async Task CheckAsync(Script script, SplitMix64 random, bool isChat, bool wantsIds, string more, string about)
    {
        string body = Body(script, isChat, wantsIds, more);
        var engine = new ScriptedEngine(script, random, mostCuts: 6);
        using ResumableRequest request = await ResumableRequest.PlacedAsync(body, isChat ? ApiKind.Chat : ApiKind.Completion, engine);
        RequestFacts facts = request.Facts;
        Assert.Null(facts.Terms.Obstacle);
        await using var stream = new ResumableStream(engine.Stream(request.Path, request.Body), request.Attempt);
        var got = new MemoryStream();
        await stream.CopyToAsync(got, 1 + random.Below(3_000));
        string said = Encoding.UTF8.GetString(got.ToArray());
        string where = $"{about}, {engine.Calls} calls: {said}";
        Assert.True(engine.Faults.Count == 0, $"{string.Join("; ", engine.Faults)}; {where}");
        if (script.Reasons && wantsIds && request.Attempt.Broke)
        {
            // The token before its reasoning, of which the client has the id, cannot be told from text.
            Assert.Contains("\"reason\":\"reasoning-in-flight\"", said);
            Assert.DoesNotContain("\"reasoning\":", said);
            return;
        }
        Assert.False(request.Attempt.Broke, where);
        Judge(script, said, isChat, wantsIds, facts, where);
    }

    private static void Judge(Script script, string said, bool isChat, bool wantsIds, RequestFacts facts, string where)
    {
        string[] events = said.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.True(events[^1] == "data: [DONE]", where);
        JsonElement[] chunks = [.. events[..^1].Select(e => JsonDocument.Parse(e["data: ".Length..]).RootElement)];
        Assert.True(chunks.Select(c => $"{c.GetProperty("id")} {c.GetProperty("created")} {c.GetProperty("object")}").Distinct().Count() == 1, where);
        JsonElement[] choices = [.. chunks.SelectMany(c => c.GetProperty("choices").EnumerateArray())];
        string text = string.Concat(choices.Select(c => isChat ? c.GetProperty("delta").TryGetProperty("content", out JsonElement t) ? t.GetString() : "" : c.GetProperty("text").GetString()));
        (int tokens, string made, string finish, string? stop) = script.End();
        (string reasoned, string wanted) = isChat ? script.Part(made) : ("", made);
        foreach (string name in script.ReasoningNames ?? [])
        {
            string reasoning = string.Concat(choices.Select(c => c.GetProperty("delta").TryGetProperty(name, out JsonElement t) ? t.GetString() : ""));
            Assert.True(reasoned == reasoning, $"wanted the {name} '{reasoned}', got '{reasoning}'; stops [{string.Join('|', script.Stops)}]; {where}");
        }
        Assert.True(wanted == text, $"wanted '{wanted}', got '{text}'; stops [{string.Join('|', script.Stops)}]; {where}");
        Assert.True(choices.Count(c => isChat && c.GetProperty("delta").TryGetProperty("role", out _)) == (isChat ? 1 : 0), where);
        JsonElement[] finishes = [.. choices.Where(c => c.GetProperty("finish_reason").ValueKind == JsonValueKind.String)];
        Assert.True(finishes.Length == 1 && finishes[0].GetProperty("finish_reason").GetString() == finish, $"wanted {finish}; {where}");
        Assert.True(finishes[0].GetProperty("stop_reason").GetString() == stop, $"wanted {stop}; {where}");
        int[] ids = [.. choices.Where(c => c.GetProperty("token_ids").ValueKind == JsonValueKind.Array).SelectMany(c => c.GetProperty("token_ids").EnumerateArray()).Select(id => id.GetInt32())];
        Assert.True(ids.SequenceEqual(wantsIds ? Enumerable.Range(0, tokens).Select(i => (int)Script.IdOf(i)) : []), $"ids [{string.Join(',', ids)}], wanted {tokens}; {where}");
        if (!facts.Terms.WantsUsage)
            return;
        JsonElement usage = chunks[^1].GetProperty("usage");
        Assert.True((usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32()) == (script.Prompt.Length, tokens), $"wanted {tokens} tokens; {where}");
    }

    private static string Body(Script script, bool isChat, bool wantsIds, string more)
    {
        var body = new Dictionary<string, object> { ["model"] = "m", ["stream"] = true };
        body[isChat ? "messages" : "prompt"] = isChat ? new[] { new { role = "user", content = "hi" } } : "hi";
        if (script.Stops.Length > 0)
            body["stop"] = script.Stops;
        if (script.MinTokens > 0)
            body["min_tokens"] = script.MinTokens;
        if (script.MaxTokens < 10_000 || !isChat)
            body["max_tokens"] = script.MaxTokens;
        if (script.ShowsStop)
            body["include_stop_str_in_output"] = true;
        if (wantsIds)
            body["return_token_ids"] = true;
        if (more == "tools")
            body["tools"] = new[] { new { type = "function" } };
        if (more == "usage")
            body["stream_options"] = new { include_usage = true };
        return JsonSerializer.Serialize(body);
    }
}
