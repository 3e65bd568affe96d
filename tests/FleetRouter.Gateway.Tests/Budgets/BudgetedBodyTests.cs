using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Budgets;
using FleetRouter.Gateway.FrontDoor;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.Tests.Budgets;

public sealed class BudgetedBodyTests
{
    private const int Default = 4_000, Template = 500;

    private static async Task<(long? Cost, string Body, RequestFacts Facts, ErrorAnswer? Error)> BoundAsync(string json, ApiKind api)
    {
        var context = new DefaultHttpContext();
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(json));
        using RequestBody body = await RequestBody.ReadAsync(context.Request, CancellationToken.None);
        RequestFacts facts = RequestReader.Read(body.Span, api, out ErrorAnswer? unread) ?? throw new Xunit.Sdk.XunitException(unread!.Message);
        long? cost = BudgetedBody.Bound(body, ref facts, api, Default, Template, out ErrorAnswer? error);
        return (cost, Encoding.UTF8.GetString(body.Span), facts, error);
    }

    private static ApiKind Api(string name) => Enum.Parse<ApiKind>(name);

    [Theory]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":7}""", 7)]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":7,"max_completion_tokens":9}""", 9)]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":70,"max_completion_tokens":9}""", 70)]
    [InlineData("Chat", """{"model":"m","messages":[],"max_completion_tokens":null,"max_tokens":7,"n":3}""", 21)]
    [InlineData("Completion", """{"model":"m","prompt":"p","max_tokens":7,"best_of":4,"n":2}""", 28)]
    [InlineData("Completion", """{"model":"m","prompt":["p","q"],"max_tokens":7,"n":2}""", 28)]
    [InlineData("Completion", """{"model":"m","prompt":[[1,2],[3],[4]],"max_tokens":7}""", 21, 11)]
    [InlineData("Completion", """{"model":"m","prompt":[11,22,33],"max_tokens":7}""", 7, 7)]
    [InlineData("Completion", """{"model":"m","prompt":"p","max_tokens":0}""", 1)]
    [InlineData("Response", """{"model":"m","input":"i","max_output_tokens":7,"max_tokens":1}""", 7)]
    [InlineData("Embedding", """{"model":"m","input":["a","b"],"n":5}""", 0)]
    public async Task A_body_with_a_bound_is_left_as_it_is(string api, string json, long answers, int lessPrompt = 0)
    {
        (long? cost, string body, RequestFacts facts, _) = await BoundAsync(json, Api(api));
        Assert.Equal(json, body);
        Assert.Equal(json.Length - lessPrompt + (api is "Chat" or "Response" ? Template : 0) + answers, cost);
        Assert.Equal(RequestReader.Read(Encoding.UTF8.GetBytes(json), Api(api), out _)!.Terms.MaxTokens, facts.Terms.MaxTokens);
    }

    [Theory]
    [InlineData("Chat", """{"model":"m","messages":[]}""", "max_tokens", Default)]
    [InlineData("Chat", """{"model":"m","max_completion_tokens" : null , "max_tokens":null,"messages":[]} """, "max_tokens", Default)]
    [InlineData("Chat", """{"max_tokens":null,"model":"m","messages":[], "max_completion_tokens":null}""", "max_tokens", Default)]
    [InlineData("Completion", """{"model":"m","prompt":"p"}""", "max_tokens", 16)]
    [InlineData("Completion", """{"model":"m","prompt":"p","max_tokens":null}""", "max_tokens", Default)]
    [InlineData("Completion", """{"model":"m","prompt":"p","max_completion_tokens":3}""", "max_tokens", 16)]
    [InlineData("Response", """{"model":"m","input":"i","max_tokens":5}""", "max_output_tokens", Default)]
    public async Task A_body_without_a_bound_gets_one(string api, string json, string name, int bound)
    {
        (long? cost, string body, RequestFacts facts, _) = await BoundAsync(json, Api(api));
        using JsonDocument read = JsonDocument.Parse(body);
        Assert.Equal(bound, read.RootElement.GetProperty(name).GetInt32());
        Assert.Single(read.RootElement.EnumerateObject(), member => member.Name == name);
        Assert.DoesNotContain(read.RootElement.EnumerateObject(), member => member.Value.ValueKind == JsonValueKind.Null);
        Assert.Equal((bound, bound), (facts.Terms.MaxTokens, facts.MaxOutputTokens));
        Assert.Equal(json.Length + bound + (api == "Completion" ? 0 : Template), cost);
    }

    [Theory]
    [InlineData("""{"stream_options":{"include_usage":false},"model":"m","messages":[],"max_tokens":5,"stream":true}""")]
    [InlineData("""{"model":"m","messages":[],"max_tokens":5,"stream":true,"stream_options":null}""")]
    [InlineData("""{"model":"m","messages":[],"max_tokens":5,"stream":true , "stream_options":{"continuous_usage_stats":true} }""")]
    public async Task A_stream_without_counts_is_asked_for_as_if_nothing_were_said(string json)
    {
        (_, string body, RequestFacts facts, _) = await BoundAsync(json, ApiKind.Chat);
        Assert.False(JsonDocument.Parse(body).RootElement.TryGetProperty("stream_options", out JsonElement _), body);
        Assert.False(facts.AsksForUsage || facts.Terms.WantsUsage || facts.Terms.WantsUsageAlways);
        Assert.Equal("true", body[facts.Terms.Stream]);
    }

    [Fact]
    public async Task Tools_count_twice_since_templates_may_write_them_wider()
    {
        const string tools = """[{"type":"function","function":{"name":"f"}}]""";
        string json = $$"""{"model":"m","messages":[],"max_tokens":5,"tools":{{tools}}}""";
        Assert.Equal(json.Length + tools.Length + Template + 5, (await BoundAsync(json, ApiKind.Chat)).Cost);
    }

    [Theory]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":"9"}""", "max_tokens")]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":9.0}""", "max_tokens")]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":-1}""", "max_tokens")]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":9,"max_tokens":900}""", null)]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":9,"max\u005ftokens":900}""", null)]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":9,"n":"2"}""", "n")]
    [InlineData("Chat", """{"model":"m","messages":[],"max_tokens":9,"chat_template":"{% for i in range(9999) %}x{% endfor %}"}""", "chat_template")]
    [InlineData("Chat", """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}]}""", "messages")]
    [InlineData("Chat", """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"image\u005furl":"u"}]}]}""", "messages")]
    [InlineData("Response", """{"model":"m","max_output_tokens":9,"input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]}""", "input")]
    [InlineData("Response", """{"model":"m","max_output_tokens":9,"input":"i","tools":[{"type":"web_search"}]}""", "tools")]
    [InlineData("Other", """{"model":"m","query":"q","documents":["d"]}""", null)]
    public async Task What_cannot_be_bounded_for_every_engine_is_refused(string api, string json, string? param)
    {
        (long? cost, string body, _, ErrorAnswer? error) = await BoundAsync(json, Api(api));
        Assert.Null(cost);
        Assert.Equal((400, "unbounded_request", param), (error!.Status, error.Code, error.Param));
        Assert.Equal(json, body);
    }

    [Fact]
    public async Task What_clients_send_with_texts_is_taken()
    {
        (long? cost, _, _, ErrorAnswer? error) = await BoundAsync("""
            {"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"an image_url"}]},
             {"role":"assistant","content":"a","audio":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"file\":1}"}}]},
             {"role":"tool","tool_call_id":"c","content":"t"}],"tools":[{"type":"function","function":{"name":"f"}}]}
            """, ApiKind.Chat);
        Assert.True(cost > 0, error?.Message);
    }
}
