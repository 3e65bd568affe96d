using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Gateway.Tests.Engines;

namespace FleetRouter.Gateway.Tests.Hostile;

/// <summary>Bodies no honest client sends, through the whole gateway.</summary>
public sealed class HostileBodyTests(SharedGateway shared) : IClassFixture<SharedGateway>
{
    private const string M = $"\"model\":\"{GatewayUnderTest.Model}\"";
    private const string Hi = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"max_tokens\":2";
    private GatewayUnderTest Gateway => shared.Gateway;

    /// <summary>Name, body, status, and the code where the router itself refuses.</summary>
    public static readonly TheoryData<string, string, int, string?> Bodies = new()
    {
        { "empty", "", 400, "invalid_json" },
        { "blank", " \r\n\t ", 400, "invalid_json" },
        { "no JSON", "model=llama&prompt=hi", 400, "invalid_json" },
        { "HTML", "<html></html>", 400, "invalid_json" },
        { "a JSON null", "null", 400, null },
        { "a JSON list", $"[{{{M},{Hi}}}]", 400, null },
        { "a JSON string", "\"hi\"", 400, null },
        { "a JSON number", "5", 400, null },
        { "truncated in a string", $"{{{M},\"messages\":[{{\"role\":\"user\",\"content\":\"h", 400, "invalid_json" },
        { "truncated after a colon", $"{{{M},\"messages\":", 400, "invalid_json" },
        { "truncated before the last brace", $"{{{M},{Hi}", 400, "invalid_json" },
        { "text after the end", $"{{{M},{Hi}}} and more", 400, "invalid_json" },
        { "two objects", $"{{{M},{Hi}}}{{{M},{Hi}}}", 400, "invalid_json" },
        { "a byte order mark", $"\uFEFF{{{M},{Hi}}}", 400, "invalid_json" },
        { "a trailing comma", $"{{{M},{Hi},}}", 400, "invalid_json" },
        { "a comment", $"{{/* hi */{M},{Hi}}}", 400, "invalid_json" },
        { "single quotes", "{'model':'x'}", 400, "invalid_json" },
        { "NaN", $"{{{M},{Hi},\"temperature\":NaN}}", 400, "invalid_json" },
        { "a raw line break in a string", "{\"model\":\"a\nb\"}", 400, "invalid_json" },
        { "no model", $"{{{Hi}}}", 400, null },
        { "model null", $"{{\"model\":null,{Hi}}}", 400, null },
        { "model empty", $"{{\"model\":\"\",{Hi}}}", 400, null },
        { "model a number", $"{{\"model\":5,{Hi}}}", 400, null },
        { "model a list", $"{{\"model\":[\"a\"],{Hi}}}", 400, null },
        { "model an object", $"{{\"model\":{{}},{Hi}}}", 400, null },
        { "model with half a surrogate pair", $"{{\"model\":\"\\ud800\",{Hi}}}", 400, "invalid_json" },
        { "a name with half a surrogate pair", $"{{\"\\udc00\":1,{M},{Hi}}}", 400, "invalid_json" },
        { "model unknown", $"{{\"model\":\"nobody/serves-this\",{Hi}}}", 404, "model_not_found" },
        { "model given twice, the last counts", $"{{\"model\":\"nobody/serves-this\",{M},{Hi}}}", 200, null },
        { "model given twice, the last unknown", $"{{{M},\"model\":\"nobody/serves-this\",{Hi}}}", 404, "model_not_found" },
        { "stream a string", $"{{{M},{Hi},\"stream\":\"yes\"}}", 400, null },
        { "stream a number", $"{{{M},{Hi},\"stream\":1}}", 400, null },
        { "stream null", $"{{{M},{Hi},\"stream\":null}}", 200, null },
        { "stream true, then false", $"{{{M},{Hi},\"stream\":true,\"stream\":false}}", 200, null },
        { "messages missing", $"{{{M}}}", 400, null },
        { "messages null", $"{{{M},\"messages\":null}}", 400, null },
        { "messages a string", $"{{{M},\"messages\":\"hi\"}}", 400, null },
        { "messages a number", $"{{{M},\"messages\":17}}", 400, null },
        { "messages an empty list", $"{{{M},\"messages\":[]}}", 400, null },
        { "messages a list of numbers", $"{{{M},\"messages\":[1,2,3]}}", 400, null },
        { "messages given twice", $"{{{M},\"messages\":5,{Hi}}}", 200, null },
        { "content with half a surrogate pair", $"{{{M},\"messages\":[{{\"role\":\"user\",\"content\":\"\\ud800\"}}]}}", 400, null },
        { "max_tokens a string", $"{{{M},{Hi},\"max_tokens\":\"many\"}}", 400, null },
        { "max_tokens negative", $"{{{M},{Hi},\"max_tokens\":-1}}", 400, null },
        { "max_tokens zero", $"{{{M},{Hi},\"max_tokens\":0}}", 400, null },
        { "max_tokens a fraction", $"{{{M},{Hi},\"max_tokens\":1.5}}", 400, null },
        { "max_tokens beyond 64 bits", $"{{{M},{Hi},\"max_tokens\":99999999999999999999999}}", 400, null },
        { "max_tokens the largest integer", $"{{{M},{Hi},\"max_tokens\":2147483647}}", 400, null },
        { "max_tokens a list", $"{{{M},{Hi},\"max_tokens\":[1]}}", 400, null },
        { "max_completion_tokens an object", $"{{{M},{Hi},\"max_completion_tokens\":{{\"max_tokens\":1}}}}", 400, null },
        { "a number beyond a double", $"{{{M},{Hi},\"n\":1e99999}}", 400, null },
        { "a number of ten thousand digits", $"{{{M},{Hi},\"n\":{new string('9', 10_000)}}}", 400, null },
        { "stream_options a string", $"{{{M},{Hi},\"stream\":true,\"stream_options\":\"usage\"}}", 400, null },
        { "stream_options a list", $"{{{M},{Hi},\"stream\":true,\"stream_options\":[]}}", 400, null },
        { "stream_options without stream", $"{{{M},{Hi},\"stream_options\":{{\"include_usage\":true}}}}", 400, null },
        { "session_id a number", $"{{{M},{Hi},\"session_id\":5}}", 200, null },
        { "session_id an object", $"{{{M},{Hi},\"session_id\":{{\"a\":[1]}}}}", 200, null },
        { "session_id with half a surrogate pair", $"{{{M},{Hi},\"session_id\":\"\\ud800\"}}", 400, "invalid_json" },
        { "session_params a number", $"{{{M},{Hi},\"session_params\":5}}", 200, null },
        { "session_params a string", $"{{{M},{Hi},\"session_params\":\"session_id\"}}", 200, null },
        { "session_params a list", $"{{{M},{Hi},\"session_params\":[[]]}}", 200, null },
        { "session_params of a wrong kind inside", $"{{{M},{Hi},\"session_params\":{{\"x\":{{\"session_id\":\"a\"}},\"session_id\":[1]}}}}", 200, null },
        { "tools a number", $"{{{M},{Hi},\"tools\":5}}", 200, null },
        { "tools an empty list", $"{{{M},{Hi},\"tools\":[]}}", 200, null },
        { "tools null", $"{{{M},{Hi},\"tools\":null}}", 200, null },
        { "cache_salt a number", $"{{{M},{Hi},\"cache_salt\":5}}", 400, null },
        { "instructions and system of odd kinds", $"{{{M},{Hi},\"instructions\":[],\"system\":5}}", 200, null },
        { "names escaped", $"{{\"\\u006dodel\":\"{GatewayUnderTest.Model}\",{Hi}}}", 200, null },
        { "an escaped NUL", $"{{{M},\"messages\":[{{\"role\":\"user\",\"content\":\"a\\u0000b\"}}],\"max_tokens\":2}}", 200, null },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task A_body_no_honest_client_sends_is_answered_clearly(string name, string body, int status, string? code)
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.PostAsync(body);
        RawAnswer? answer = await client.ReadAsync();
        Assert.True(answer is not null, $"{name}: no answer");
        if (status == 200)
            Assert.True(answer.Status == 200 && answer.Whole, $"{name}: {answer.Status} {answer.Text}");
        else
            answer.IsError(status, code);
        await Gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{\"a\":", "}")]
    public async Task A_body_nested_ten_thousand_deep_is_refused(string open, string close)
    {
        const int depth = 10_000;
        string deep = string.Concat(Enumerable.Repeat(open, depth)) + "1" + string.Concat(Enumerable.Repeat(close, depth));
        foreach (string body in (string[])[deep, $"{{{M},\"messages\":{deep}}}", $"{{{M},{Hi},\"session_params\":{deep}}}", $"{{\"x\":{deep},{M},{Hi}}}"])
        {
            using RawClient client = await RawClient.ConnectAsync(Gateway);
            await client.PostAsync(body);
            JsonElement error = (await client.ReadAsync())!.IsError(400);
            if (body != deep || open == "{\"a\":")
                Assert.Contains("nested", error.GetProperty("message").GetString());
        }
        await Gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData(new byte[] { 0xff, 0xfe })]
    [InlineData(new byte[] { 0xc3 })]
    [InlineData(new byte[] { 0xed, 0xa0, 0x80 })]
    [InlineData(new byte[] { 0xf4, 0x90, 0x80, 0x80 })]
    public async Task Bytes_that_are_no_UTF8_are_refused_wherever_they_stand(byte[] bad)
    {
        byte[][] bodies =
        [
            bad,
            [.. "{\"model\":\""u8, .. bad, .. "\"}"u8],
            [.. Encoding.UTF8.GetBytes($"{{{M},\"messages\":[{{\"role\":\"user\",\"content\":\""), .. bad, .. "\"}]}"u8],
        ];
        foreach (byte[] body in bodies)
        {
            using RawClient client = await RawClient.ConnectAsync(Gateway);
            await client.PostAsync(body);
            (await client.ReadAsync())!.IsError(400);
        }
        await Gateway.ServesOnAsync();
    }

    [Fact]
    public async Task An_error_never_repeats_what_the_prompt_says()
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.PostAsync($"{{{M},\"messages\":[{{\"role\":\"user\",\"content\":SECRET-PHRASE}}]}}");
        RawAnswer answer = (await client.ReadAsync())!;
        answer.IsError(400, "invalid_json");
        Assert.DoesNotContain("SECRET", answer.Text);
    }

    [Fact]
    public async Task A_model_name_of_a_megabyte_does_not_come_back_in_the_error()
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.PostAsync($"{{\"model\":\"{new string('m', 1 << 20)}\",{Hi}}}");
        RawAnswer answer = (await client.ReadAsync())!;
        answer.IsError(answer.Status);
        Assert.InRange(answer.Status, 400, 404);
        Assert.True(answer.Body.Length < 4_096, $"the error is {answer.Body.Length} bytes long");
        await Gateway.ServesOnAsync();
    }

    [Fact]
    public async Task Mutated_requests_are_all_answered_and_leave_nothing()
    {
        const ulong seed = 20_261_122;
        const int rounds = 300;
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {seed}, {rounds} rounds");
        var random = new SplitMix64(seed);
        byte[] sound = Encoding.UTF8.GetBytes(GatewayUnderTest.Chat("a prompt of some words, to be mutated", 3));
        for (int round = 0; round < rounds; round++)
        {
            byte[] body = random.Damage(sound);
            using RawClient client = await RawClient.ConnectAsync(Gateway);
            await client.PostAsync(body);
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            RawAnswer? answer = await client.ReadAsync();
            Assert.True(answer is not null, $"round {round}: no answer to {Encoding.UTF8.GetString(body)}");
            if (answer.Status != 200)
                answer.IsError(answer.Status);
            Assert.True(answer.Status is 200 or 400 or 404, $"round {round}: {answer.Status} {answer.Text}");
        }
        await Gateway.ServesOnAsync();
    }
}
