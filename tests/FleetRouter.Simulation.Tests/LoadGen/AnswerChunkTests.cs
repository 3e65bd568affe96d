using System.Text;
using System.Text.Json;
using FleetRouter.LoadGen.Client;
using FleetRouter.Simulation.Tests.Traces;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class AnswerChunkTests
{
    private static AnswerChunk Read(string json, StringBuilder? answer = null) => AnswerChunk.Read(Encoding.UTF8.GetBytes(json), answer);

    [Theory]
    [InlineData("""{"choices":[{"delta":{"role":"assistant","content":""}}]}""", false)]
    [InlineData("""{"choices":[{"delta":{"content":null,"reasoning":"hm"}}]}""", true)]
    [InlineData("""{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}""", true)]
    [InlineData("""{"choices":[{"delta":{"tool_calls":null}}]}""", false)]
    [InlineData("""{"choices":[{"text":"x","logprobs":{"a":[1]}}],"usage":null}""", true)]
    [InlineData("""{"choices":null,"usage":7,"more":{"choices":[{"text":"x"}]}}""", false)]
    public void Text_is_found_where_the_dialects_put_it(string json, bool hasText) => Assert.Equal(hasText, Read(json).HasText);

    [Theory]
    [InlineData("""{"error":{"message":"m","type":"overloaded","code":"queue_full"}}""", "queue_full")]
    [InlineData("""{"error":{"message":"m","type":"BadRequestError","param":null,"code":400}}""", "BadRequestError")]
    [InlineData("""{"object":"error","message":"m","type":"NotFoundError","param":null,"code":404}""", "NotFoundError")]
    [InlineData("""{"error":"flat words"}""", "unnamed")]
    [InlineData("""{"error":null,"object":"chat.completion.chunk"}""", null)]
    [InlineData("""<html>bad gateway</html>""", null)]
    public void Errors_are_named_by_code_then_type(string json, string? name) => Assert.Equal(name, AnswerChunk.ErrorOf(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("{\"choices\":[{\"delta\""), InlineData("[]"), InlineData("")]
    public void What_is_not_an_object_is_refused(string json) => Assert.ThrowsAny<JsonException>(() => Read(json));

    [Fact]
    public void Recorded_reasoning_chunks_count_as_text_and_only_their_content_is_kept()
    {
        var answer = new StringBuilder();
        var texts = File.ReadLines(SharedFiles.Find("fixtures/sse/vllm_qwen3_reasoning_stream.chunks.jsonl")).Count(line => Read(line, answer).HasText);
        Assert.True(texts > 10, $"{texts} chunks with text");
        Assert.DoesNotContain("<think>", answer.ToString());
    }

    [Fact]
    public void A_recorded_error_in_a_stream_is_told()
    {
        var last = File.ReadLines(SharedFiles.Find("fixtures/sse/groq_in_stream_error.0.response.sse")).Last(line => line.StartsWith("data: ", StringComparison.Ordinal));
        Assert.Equal("tool_use_failed", Read(last[6..]).Error);
    }
}
