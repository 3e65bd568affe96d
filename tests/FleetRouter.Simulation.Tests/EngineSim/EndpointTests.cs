using System.Text.Json;
using FleetRouter.EngineSim;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Tests.EngineSim;

public class EndpointTests : EngineSimTest
{
    protected override EngineSimOptions Options => new() { TimeScale = 100, LoraModules = ["sql-lora"] };

    [Theory]
    [InlineData("\"A plain prompt\"")]
    [InlineData("[\"A plain prompt\"]")]
    [InlineData("[1814765633,1852401004]")]
    [InlineData("[[1814765633,1852401004]]")]
    public async Task A_completion_takes_strings_and_token_ids(string prompt)
    {
        var (status, body) = await PostRawAsync("/v1/completions", $$"""{"prompt":{{prompt}},"max_tokens":3,"ignore_eos":true}""");
        Assert.Equal(200, status);
        var tokens = prompt.Contains('"') ? SyntheticTokenizer.Encode("A plain prompt") : [1814765633, 1852401004];
        Assert.Equal(SyntheticAnswer.To(tokens).Text(0, 3), body.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal("text_completion", body.GetProperty("object").GetString());
    }

    [Fact]
    public async Task A_completion_without_a_limit_gets_sixteen_tokens_as_in_vllm()
    {
        var (_, body) = await PostAsync("/v1/completions", new { prompt = "Say", ignore_eos = true });
        Assert.Equal(16, body.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal("length", body.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task A_completion_streams_text_and_token_ids()
    {
        var chunks = await StreamAsync("/v1/completions", new { prompt = "Stream", max_tokens = 4, ignore_eos = true, stream = true, return_token_ids = true });
        var choices = chunks.Select(chunk => chunk.GetProperty("choices")[0]).ToList();
        var answer = SyntheticAnswer.To(SyntheticTokenizer.Encode("Stream"));
        Assert.Equal(answer.Text(0, 4), string.Concat(choices.Select(choice => choice.GetProperty("text").GetString())));
        Assert.Equal(SyntheticTokenizer.Encode("Stream"), choices[0].GetProperty("prompt_token_ids").EnumerateArray().Select(id => id.GetUInt32()));
        Assert.All(choices.Skip(1), choice => Assert.Equal(JsonValueKind.Null, choice.GetProperty("prompt_token_ids").ValueKind));
        Assert.Equal("length", choices[^1].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Responses_stream_their_events_in_order_and_end_completed()
    {
        using var response = await StartStreamAsync("/v1/responses", new { input = "Hello", instructions = "Be kind.", stream = true });
        var events = (await EventsAsync(response).ToListAsync()).Select(line => JsonElement.Parse(line)).ToList();
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(item => item.GetProperty("sequence_number").GetInt32()));
        var types = events.Select(item => item.GetProperty("type").GetString()!).ToList();
        Assert.Equal(["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"], types[..4]);
        Assert.Equal(["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"], types[^4..]);
        string text = string.Concat(events.Where(item => item.GetProperty("type").GetString() == "response.output_text.delta").Select(item => item.GetProperty("delta").GetString()));
        var answer = SyntheticAnswer.To(ChatPrompt.Render([new("system", "Be kind."), new("user", "Hello")]).Tokens);
        Assert.Equal(answer.Text(0, answer.NaturalLength(1)), text);
        var whole = events[^1].GetProperty("response");
        Assert.Equal(text, whole.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString());
        Assert.Equal(text.Length / 4, whole.GetProperty("usage").GetProperty("output_tokens").GetInt32());
    }

    [Fact]
    public async Task Responses_answer_unstreamed_and_refuse_a_previous_response()
    {
        var (status, body) = await PostAsync("/v1/responses", new { input = new[] { new { role = "user", content = "Hello" } }, max_output_tokens = 3 });
        Assert.Equal((200, "incomplete"), (status, body.GetProperty("status").GetString()));
        Assert.Equal(AnswerTo("Hello").Text(0, 3), body.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString());
        var (missing, _) = await PostAsync("/v1/responses", new { input = "Hello", previous_response_id = "resp_1" });
        Assert.Equal(404, missing);
    }

    [Fact]
    public async Task Embeddings_are_unit_vectors_and_the_same_in_both_encodings()
    {
        var (_, floats) = await PostAsync("/v1/embeddings", new { input = new[] { "one", "two" }, dimensions = 64 });
        var vector = floats.GetProperty("data")[1].GetProperty("embedding").EnumerateArray().Select(value => value.GetSingle()).ToArray();
        Assert.Equal(64, vector.Length);
        Assert.Equal(1, vector.Sum(value => value * value), 0.001);
        var (_, base64) = await PostAsync("/v1/embeddings", new { input = "two", dimensions = 64, encoding_format = "base64" });
        var bytes = Convert.FromBase64String(base64.GetProperty("data")[0].GetProperty("embedding").GetString()!);
        Assert.Equal(vector, Enumerable.Range(0, 64).Select(i => BitConverter.ToSingle(bytes, 4 * i)));
        Assert.Equal(2, floats.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Models_list_the_base_and_its_adapters_with_the_recorded_fields()
    {
        var models = JsonElement.Parse(await Client.GetStringAsync("/v1/models")).GetProperty("data");
        Assert.Equal(["sim/llama-3.1-8b", "sql-lora"], models.EnumerateArray().Select(model => model.GetProperty("id").GetString()));
        Assert.Equal("sim/llama-3.1-8b", models[1].GetProperty("parent").GetString());
        Assert.Equal(131_072, models[0].GetProperty("max_model_len").GetInt32());
        var recorded = JsonElement.Parse(await File.ReadAllTextAsync(SharedFiles.Find("fixtures/vllm_api/vllm_models_list.json")))[0];
        Assert.Equal(recorded.EnumerateObject().Select(field => field.Name).Order(), models[0].EnumerateObject().Select(field => field.Name).Order());
    }

    [Fact]
    public async Task An_adapter_shares_the_answer_but_not_the_cache()
    {
        string content = new('y', 300);
        await PostAsync("/v1/chat/completions", Chat(content, 1));
        var (status, body) = await PostAsync("/v1/chat/completions", new { model = "sql-lora", messages = new[] { new { role = "user", content } }, max_tokens = 1 });
        Assert.Equal(200, status);
        Assert.Equal(0, body.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
    }

    [Fact]
    public async Task Tokenize_and_detokenize_agree_with_the_prompt_tokens_of_usage()
    {
        var (_, tokenized) = await PostAsync("/tokenize", new { messages = new[] { new { role = "user", content = "Grüße, 世界" } }, return_token_strs = true });
        var (_, chat) = await PostAsync("/v1/chat/completions", Chat("Grüße, 世界", 1));
        Assert.Equal(tokenized.GetProperty("count").GetInt32(), chat.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(tokenized.GetProperty("count").GetInt32(), tokenized.GetProperty("token_strs").GetArrayLength());
        var (_, text) = await PostAsync("/detokenize", new { tokens = tokenized.GetProperty("tokens") });
        Assert.Equal("<|user|>\nGrüße, 世界<|end|>\n<|assistant|>\n", text.GetProperty("prompt").GetString());
    }

    [Fact]
    public async Task Small_endpoints_answer()
    {
        Assert.Equal("", await Client.GetStringAsync("/health"));
        Assert.Equal("", await Client.GetStringAsync("/ping"));
        Assert.Equal("""{"server_load":0}""", await Client.GetStringAsync("/load"));
        Assert.Matches("""^\{"version":"\d+\.\d+\.\d+"\}$""", await Client.GetStringAsync("/version"));
        using var missing = await Client.GetAsync("/v1/nothing");
        Assert.Equal(404, (int)missing.StatusCode);
        using var wrong = await Client.GetAsync("/v1/completions");
        Assert.Equal(405, (int)wrong.StatusCode);
    }
}
