using System.Text.Json;
using FleetRouter.EngineSim;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Tests.EngineSim;

/// <summary>Real prompts through HTTP: every token is the one the prompt determines, also when an answer is cut and resumed elsewhere.</summary>
public class ContinuityTests : EngineSimTest
{
    private const int Prompts = 24;

    protected override EngineSimOptions Options => new() { TimeScale = 100 };

    [Fact]
    public async Task Real_prompts_get_answers_that_any_client_can_check_and_any_engine_can_resume()
    {
        await using var other = await EngineFleet.StartAsync(Options);
        using var otherClient = new HttpClient { BaseAddress = other.Addresses[0] };
        var questions = File.ReadLines(SharedFiles.Find("traces/prompts/mtbench_questions.jsonl")).Take(Prompts)
            .Select(line => JsonElement.Parse(line).GetProperty("turns")[0].GetString()!).ToList();
        Assert.Equal(Prompts, questions.Count);
        await Task.WhenAll(questions.Select((question, index) => CheckAsync(question, 1 + (index * 7), otherClient)));
    }

    [Fact]
    public async Task Two_turns_share_the_whole_first_turn_in_the_cache()
    {
        string question = File.ReadLines(SharedFiles.Find("traces/prompts/mtbench_questions.jsonl")).Select(line => JsonElement.Parse(line).GetProperty("turns")[0].GetString()!).First();
        var (_, first) = await PostAsync("/v1/chat/completions", Chat(question, 80));
        string answer = first.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
        var (_, second) = await PostAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = question }, new { role = "assistant", content = answer }, new { role = "user", content = "And then?" } },
            max_tokens = 1,
        });
        int firstTokens = first.GetProperty("usage").GetProperty("total_tokens").GetInt32();
        int cached = second.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
        Assert.Equal((firstTokens - 1) / 16 * 16, cached);
    }

    private async Task CheckAsync(string question, int cutAfter, HttpClient other)
    {
        using var response = await StartStreamAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = question } }, max_tokens = 200, ignore_eos = true, stream = true, return_token_ids = true,
        });
        uint[] prompt = [];
        var emitted = new List<uint>();
        var texts = new List<string>();
        await foreach (string line in EventsAsync(response))
        {
            if (line == "[DONE]")
                break;
            var chunk = JsonElement.Parse(line);
            var choice = chunk.GetProperty("choices")[0];
            if (chunk.TryGetProperty("prompt_token_ids", out var ids))
            {
                prompt = [.. ids.EnumerateArray().Select(id => id.GetUInt32())];
                continue;
            }
            emitted.AddRange(choice.GetProperty("token_ids").EnumerateArray().Select(id => id.GetUInt32()));
            texts.Add(choice.GetProperty("delta").GetProperty("content").GetString()!);
        }
        var answer = SyntheticAnswer.To(prompt);
        Assert.Equal(ChatPrompt.Render([new("user", question)]).Tokens, prompt);
        Assert.Equal(Enumerable.Range(0, 200).Select(answer.Token), emitted);
        Assert.Equal(answer.Text(0, 200), string.Concat(texts));

        // Resumed by token ids on another engine, as if this one had died after some tokens.
        using var byIds = await PostJsonAsync(other, "/v1/completions", new
        {
            prompt = prompt.Concat(emitted.Take(cutAfter)), max_tokens = 200 - cutAfter, min_tokens = 200 - cutAfter, return_token_ids = true,
        });
        var resumed = byIds.RootElement.GetProperty("choices")[0];
        Assert.Equal(emitted.Skip(cutAfter), resumed.GetProperty("token_ids").EnumerateArray().Select(id => id.GetUInt32()));
        Assert.Equal(answer.Text(cutAfter, 200 - cutAfter), resumed.GetProperty("text").GetString());

        // Resumed by text.
        using var byText = await PostJsonAsync(other, "/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = question }, new { role = "assistant", content = string.Concat(texts.Take(cutAfter)) } },
            continue_final_message = true, add_generation_prompt = false, max_tokens = 200 - cutAfter, ignore_eos = true,
        });
        Assert.Equal(answer.Text(cutAfter, 200 - cutAfter), byText.RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
    }

    /// <summary>An answer that ends by itself ends at the same token when it is resumed.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(int.MaxValue)]
    public async Task A_resumed_answer_ends_where_it_would_have_ended(int cutAfter)
    {
        var prompt = ChatPrompt.Render([new("user", "Where does it end?")]).Tokens;
        var answer = SyntheticAnswer.To(prompt);
        int length = answer.NaturalLength(Options.Seed);
        int emitted = Math.Min(cutAfter, length);
        var (_, body) = await PostAsync("/v1/completions", new { prompt = prompt.Concat(Enumerable.Range(0, emitted).Select(answer.Token)), max_tokens = 5000 });
        var choice = body.GetProperty("choices")[0];
        Assert.Equal(answer.Text(emitted, length - emitted), choice.GetProperty("text").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Reasoning_is_told_from_the_answer_in_a_chat_and_in_a_completion_only_by_its_token()
    {
        var prompt = ChatPrompt.Render([new("user", "Think!")], reasons: true).Tokens;
        var answer = SyntheticAnswer.To(prompt);
        int end = answer.ReasoningEnd!.Value;
        var (_, chat) = await PostAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = "Think!" } }, chat_template_kwargs = new { enable_thinking = true },
            max_tokens = end + 6, ignore_eos = true, return_token_ids = true,
        });
        var choice = chat.GetProperty("choices")[0];
        Assert.Equal((answer.Text(0, end), answer.Text(end + 1, 5)),
            (choice.GetProperty("message").GetProperty("reasoning").GetString(), choice.GetProperty("message").GetProperty("content").GetString()));
        var (_, completion) = await PostAsync("/v1/completions", new { prompt = prompt.Concat(Enumerable.Range(0, 2).Select(answer.Token)), max_tokens = end + 4, ignore_eos = true, return_token_ids = true });
        var rest = completion.GetProperty("choices")[0];
        Assert.Equal(answer.Text(2, end - 2) + "</think>" + answer.Text(end + 1, 5), rest.GetProperty("text").GetString());
        uint[] ids = [.. rest.GetProperty("token_ids").EnumerateArray().Select(id => id.GetUInt32())];
        Assert.Equal(ids, choice.GetProperty("token_ids").EnumerateArray().Skip(2).Select(id => id.GetUInt32()));
        var (_, told) = await PostAsync("/tokenize", new { prompt = "</think>", add_special_tokens = false });
        Assert.Equal([ids[end - 2]], told.GetProperty("tokens").EnumerateArray().Select(id => id.GetUInt32()));
    }

    private static async Task<JsonDocument> PostJsonAsync(HttpClient client, string path, object body)
    {
        using var response = await System.Net.Http.Json.HttpClientJsonExtensions.PostAsJsonAsync(client, path, body);
        Assert.Equal(200, (int)response.StatusCode);
        return await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync());
    }
}
