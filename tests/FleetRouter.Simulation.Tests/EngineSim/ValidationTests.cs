using System.Net.Http.Headers;
using FleetRouter.EngineSim;
using FleetRouter.Simulation.Engine;

namespace FleetRouter.Simulation.Tests.EngineSim;

public class ValidationTests : EngineSimTest
{
    protected override EngineSimOptions Options => new() { TimeScale = 100, Limits = new EngineLimits { MaxModelLength = 100 } };

    [Theory]
    [InlineData("/v1/chat/completions", "{", 400)]
    [InlineData("/v1/chat/completions", "", 400)]
    [InlineData("/v1/chat/completions", "[]", 400)]
    [InlineData("/v1/chat/completions", "{}", 400)]
    [InlineData("/v1/chat/completions", """{"messages":5}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[]}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":["hi"]}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"content":"hi"}]}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":7}]}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"\ud800"}]}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"max_tokens":"many"}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"max_tokens":0}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"n":2}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"stream":"yes"}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"temperature":9}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"continue_final_message":true}""", 400)]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"continue_final_message":true,"add_generation_prompt":false}""", 400)]
    [InlineData("/v1/chat/completions", """{"model":"gpt-9","messages":[{"role":"user","content":"hi"}]}""", 404)]
    [InlineData("/v1/completions", """{"prompt":""}""", 400)]
    [InlineData("/v1/completions", """{"prompt":[]}""", 400)]
    [InlineData("/v1/completions", """{"prompt":["a","b"]}""", 400)]
    [InlineData("/v1/completions", """{"prompt":[-1]}""", 400)]
    [InlineData("/v1/completions", """{"prompt":{"a":1}}""", 400)]
    [InlineData("/v1/completions", """{"prompt":"a","stop":[1]}""", 400)]
    [InlineData("/v1/embeddings", """{"input":3}""", 400)]
    [InlineData("/v1/embeddings", """{"input":"a","dimensions":0}""", 400)]
    [InlineData("/v1/responses", """{"input":7}""", 400)]
    [InlineData("/v1/responses", "{}", 400)]
    [InlineData("/tokenize", "{}", 400)]
    [InlineData("/detokenize", """{"tokens":["a"]}""", 400)]
    [InlineData("/sim/faults", """{"kind":"gremlins"}""", 400)]
    [InlineData("/sim/faults", """{"kind":"slow","factor":0}""", 400)]
    public async Task Bad_input_gets_the_engines_error_shape(string path, string body, int expected)
    {
        var (status, answer) = await PostRawAsync(path, body);
        Assert.Equal(expected, status);
        var error = answer.GetProperty("error");
        Assert.Equal(expected, error.GetProperty("code").GetInt32());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        Assert.NotEmpty(error.GetProperty("type").GetString()!);
        Assert.True(error.TryGetProperty("param", out _));
        Assert.Equal(0, Engine.Totals.Accepted);
    }

    [Fact]
    public async Task A_prompt_over_the_window_is_told_so_in_vllms_words()
    {
        var (status, body) = await PostAsync("/v1/chat/completions", Chat(new string('x', 1000)));
        Assert.Equal(400, status);
        Assert.StartsWith("This model's maximum context length is 100 tokens. However, your request has ", body.GetProperty("error").GetProperty("message").GetString());
        var (_, tooLong) = await PostAsync("/v1/chat/completions", Chat("x", 99));
        Assert.Contains("is too large: 99", tooLong.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task Deep_nesting_is_refused_not_followed()
    {
        var (status, _) = await PostRawAsync("/v1/chat/completions", new string('[', 100_000));
        Assert.Equal(400, status);
    }

    [Fact]
    public async Task A_body_above_the_bound_is_413()
    {
        await using var fleet = await EngineFleet.StartAsync(new() { MaxBodyBytes = 1000 });
        using var content = new ByteArrayContent(new byte[2000]);
        using var response = await Client.PostAsync(new Uri(fleet.Addresses[0], "/v1/completions"), content);
        Assert.Equal(413, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_key_is_asked_for_on_v1_only()
    {
        await using var fleet = await EngineFleet.StartAsync(new() { ApiKey = "secret" });
        var models = new Uri(fleet.Addresses[0], "/v1/models");
        using (var refused = await Client.GetAsync(models))
            Assert.Equal(401, (int)refused.StatusCode);
        using (var open = await Client.GetAsync(new Uri(fleet.Addresses[0], "/health")))
            Assert.Equal(200, (int)open.StatusCode);
        using var request = new HttpRequestMessage(HttpMethod.Get, models) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", "secret") } };
        using var allowed = await Client.SendAsync(request);
        Assert.Equal(200, (int)allowed.StatusCode);
    }

    [Fact]
    public async Task Unsound_options_are_all_named_at_once()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => EngineFleet.StartAsync(new()
        {
            Count = 0, Port = 70_000, TimeScale = 0, Model = "", Host = "nowhere", Limits = new EngineLimits { KvBlocks = 0 },
        }));
        Assert.Equal(6, error.Message.Split('\n').Length);
    }
}
