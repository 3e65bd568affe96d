using System.Text.Json;
using FleetRouter.EngineSim;

namespace FleetRouter.Simulation.Tests.EngineSim;

public class ChatTests : EngineSimTest
{
    [Fact]
    public async Task A_stream_has_role_content_finish_usage_and_done()
    {
        var chunks = await StreamAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = "Hello" } }, max_tokens = 5, ignore_eos = true, stream = true,
            stream_options = new { include_usage = true },
        });
        Assert.Equal("assistant", chunks[0].GetProperty("choices")[0].GetProperty("delta").GetProperty("role").GetString());
        Assert.Equal(AnswerTo("Hello").Text(0, 5), TextOf(chunks));
        Assert.Equal(1 + 5 + 1, chunks.Count);
        Assert.Equal("length", chunks[5].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        var usage = chunks[6].GetProperty("usage");
        Assert.Equal(0, chunks[6].GetProperty("choices").GetArrayLength());
        Assert.Equal(5, usage.GetProperty("completion_tokens").GetInt32());
        Assert.Equal(usage.GetProperty("prompt_tokens").GetInt32() + 5, usage.GetProperty("total_tokens").GetInt32());
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct());
        Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", chunk.GetProperty("object").GetString()));
    }

    /// <summary>Each kind of chunk has the fields of the recorded vLLM 0.24 stream, those that were null in it included.</summary>
    [Fact]
    public async Task A_stream_has_the_fields_of_a_recorded_one()
    {
        string recorded = await File.ReadAllTextAsync(SharedFiles.Find("fixtures/sse/vllm_chat_stream_usage.0.response.sse"));
        var real = recorded.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonElement.Parse(line[6..])).ToList();
        var ours = await StreamAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = "Count from 1 to 5, comma separated." } }, stream = true,
            stream_options = new { include_usage = true },
        });
        foreach (var (position, index) in new[] { ("first", 0), ("second", 1), ("finish", ^2), ("usage", (Index)(^1)) })
            Assert.Equal((position, Shape(real[index])), (position, Shape(ours[index])));
    }

    [Fact]
    public async Task Without_a_limit_the_answer_ends_by_itself_at_its_natural_length()
    {
        var chunks = await StreamAsync("/v1/chat/completions", Chat("How long?", stream: true));
        int length = AnswerTo("How long?").NaturalLength(Options.Seed);
        Assert.Equal(AnswerTo("How long?").Text(0, length), TextOf(chunks));
        Assert.Equal("stop", chunks[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Unstreamed_and_streamed_answers_are_equal()
    {
        var (status, body) = await PostAsync("/v1/chat/completions", Chat("The same?"));
        Assert.Equal(200, status);
        Assert.Equal("chat.completion", body.GetProperty("object").GetString());
        var message = body.GetProperty("choices")[0].GetProperty("message");
        Assert.Equal(TextOf(await StreamAsync("/v1/chat/completions", Chat("The same?", stream: true))), message.GetProperty("content").GetString());
    }

    [Fact]
    public async Task Continuous_usage_counts_up()
    {
        var chunks = await StreamAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = "Hello" } }, max_tokens = 3, ignore_eos = true, stream = true,
            stream_options = new { include_usage = true, continuous_usage_stats = true },
        });
        Assert.Equal([0, 1, 2, 3, 3], chunks.Select(chunk => chunk.GetProperty("usage").GetProperty("completion_tokens").GetInt32()));
    }

    [Fact]
    public async Task A_repeated_prompt_reports_cached_tokens_in_usage_and_metrics()
    {
        string content = new('x', 400);
        await PostAsync("/v1/chat/completions", Chat(content, 2));
        var (_, body) = await PostAsync("/v1/chat/completions", Chat(content, 2));
        var usage = body.GetProperty("usage");
        int prompt = usage.GetProperty("prompt_tokens").GetInt32();
        int cached = usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
        Assert.Equal((prompt - 1) / 16 * 16, cached);
        string metrics = await Client.GetStringAsync("/metrics");
        Assert.Contains($"vllm:prefix_cache_hits_total{{engine=\"0\",model_name=\"sim/llama-3.1-8b\"}} {cached}.0\n", metrics);
    }

    [Fact]
    public async Task A_stop_string_ends_the_answer_before_itself()
    {
        string text = AnswerTo("Stop!").Text(0, 20);
        string stop = text[41..45];
        object body = new { messages = new[] { new { role = "user", content = "Stop!" } }, stop, max_tokens = 20, ignore_eos = true };
        var (_, whole) = await PostAsync("/v1/chat/completions", body);
        var choice = whole.GetProperty("choices")[0];
        string expected = text[..text.IndexOf(stop, StringComparison.Ordinal)];
        Assert.Equal(expected, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(("stop", stop), (choice.GetProperty("finish_reason").GetString(), choice.GetProperty("stop_reason").GetString()));
        var streamed = await StreamAsync("/v1/chat/completions", new { messages = new[] { new { role = "user", content = "Stop!" } }, stop, max_tokens = 20, ignore_eos = true, stream = true });
        Assert.Equal(expected, TextOf(streamed));
    }

    [Fact]
    public async Task A_required_tool_is_called_with_arguments_of_its_schema()
    {
        object Request(bool stream) => new
        {
            messages = new[] { new { role = "user", content = "Weather?" } }, tool_choice = "required", stream,
            tools = new[] { new { type = "function", function = new { name = "get_weather", parameters = JsonElement.Parse(
                """{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"unit":{"enum":["C","F"]}},"required":["city"]}""") } } },
        };
        var (_, whole) = await PostAsync("/v1/chat/completions", Request(false));
        var choice = whole.GetProperty("choices")[0];
        Assert.Equal("tool_calls", choice.GetProperty("finish_reason").GetString());
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("message").GetProperty("content").ValueKind);
        var function = choice.GetProperty("message").GetProperty("tool_calls")[0].GetProperty("function");
        Assert.Equal("get_weather", function.GetProperty("name").GetString());
        var arguments = JsonElement.Parse(function.GetProperty("arguments").GetString()!);
        Assert.Equal(("Paris", 1, "C"), (arguments.GetProperty("city").GetString(), arguments.GetProperty("days").GetInt32(), arguments.GetProperty("unit").GetString()));

        var chunks = await StreamAsync("/v1/chat/completions", Request(true));
        var calls = chunks.Select(chunk => chunk.GetProperty("choices")[0].GetProperty("delta")).Where(delta => delta.TryGetProperty("tool_calls", out _))
            .Select(delta => delta.GetProperty("tool_calls")[0]).ToList();
        Assert.Equal("get_weather", calls[0].GetProperty("function").GetProperty("name").GetString());
        Assert.All(calls.Skip(1), call => Assert.False(call.TryGetProperty("id", out _)));
        Assert.Equal(function.GetProperty("arguments").GetString(), string.Concat(calls.Select(call => call.GetProperty("function").GetProperty("arguments").GetString())));
        Assert.Equal("tool_calls", chunks[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task A_response_format_gets_a_json_object()
    {
        var (_, body) = await PostAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = "JSON please" } },
            response_format = new { type = "json_schema", json_schema = new { name = "n", schema = new { type = "object", properties = new { ok = new { type = "boolean" } } } } },
        });
        var answer = JsonElement.Parse(body.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!);
        Assert.True(answer.GetProperty("ok").GetBoolean());
    }

    [Fact]
    public async Task Token_ids_come_with_the_first_chunk_and_each_delta()
    {
        var chunks = await StreamAsync("/v1/chat/completions", new
        {
            messages = new[] { new { role = "user", content = "Ids" } }, max_tokens = 4, ignore_eos = true, stream = true, return_token_ids = true,
        });
        var prompt = Simulation.Text.ChatPrompt.Render([new("user", "Ids")]).Tokens;
        Assert.Equal(prompt, chunks[0].GetProperty("prompt_token_ids").EnumerateArray().Select(id => id.GetUInt32()));
        Assert.Equal(
            Enumerable.Range(0, 4).Select(AnswerTo("Ids").Token),
            chunks.Skip(1).SelectMany(chunk => chunk.GetProperty("choices")[0].GetProperty("token_ids").EnumerateArray()).Select(id => id.GetUInt32()));
    }

    [Fact]
    public async Task The_request_id_and_the_engine_are_in_the_headers()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = System.Net.Http.Json.JsonContent.Create(Chat("Hello", 1)), Headers = { { "X-Request-Id", "abc" } },
        };
        using var response = await Client.SendAsync(request);
        Assert.Equal("abc", response.Headers.GetValues("X-Request-Id").Single());
        Assert.Equal($"{Engine.Address.Port}", response.Headers.GetValues("x-inference-port").Single());
        Assert.Contains("\"id\":\"chatcmpl-abc\"", await response.Content.ReadAsStringAsync());
    }

    /// <summary>Field names and kinds; null and a value count as the same kind, since they depend on the question.</summary>
    private static string Shape(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(",", value.EnumerateObject().Select(field => field.Name + ":" + Shape(field.Value)).Order(StringComparer.Ordinal)) + "}",
        JsonValueKind.Array => "[" + (value.GetArrayLength() > 0 ? Shape(value[0]) : "") + "]",
        _ => "_",
    };
}
