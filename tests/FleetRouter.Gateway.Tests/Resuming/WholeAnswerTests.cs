using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Resuming;

namespace FleetRouter.Gateway.Tests.Resuming;

/// <summary>An answer put together from the stream of a recorded engine.</summary>
public sealed class WholeAnswerTests
{
    /// <summary>That version names its reasoning twice in every event.</summary>
    [Fact]
    public async Task A_recorded_answer_has_its_reasoning_once_under_each_name()
    {
        string[] chunks = File.ReadAllLines(SharedFiles.Find("fixtures/sse/vllm_qwen3_reasoning_stream.chunks.jsonl"));
        using ResumableRequest request = await ResumableRequest.PlacedAsync("""{"model":"m","messages":[{"role":"user","content":"hi"}]}""", ApiKind.Chat, new ScriptedEngine(new Script([], [], [], 0, 0), new SplitMix64(1), 0));
        var events = new MemoryStream(Encoding.UTF8.GetBytes(string.Concat(chunks.Select(chunk => $"data: {chunk}\n\n")) + "data: [DONE]\n\n"));
        await using var whole = new WholeAnswer(new ResumableStream(events, request.Attempt), request.Attempt);
        JsonElement message = (await JsonDocument.ParseAsync(whole)).RootElement.GetProperty("choices")[0].GetProperty("message");
        JsonElement[] deltas = [.. chunks.Select(chunk => JsonElement.Parse(chunk).GetProperty("choices")).Where(choices => choices.GetArrayLength() > 0).Select(choices => choices[0].GetProperty("delta"))];
        foreach (string name in (string[])["content", "reasoning", "reasoning_content"])
        {
            string said = string.Concat(deltas.Select(delta => delta.TryGetProperty(name, out JsonElement piece) ? piece.GetString() : null));
            Assert.NotEmpty(said);
            Assert.Equal(said, message.GetProperty(name).GetString());
        }
    }
}
