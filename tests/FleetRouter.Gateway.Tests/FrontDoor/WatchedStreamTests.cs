using System.Text;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Tests;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Gateway.Tests.Engines;
using FleetRouter.Gateway.Tests.Resuming;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Tests.FrontDoor;

/// <summary>The watched stream over recorded answers of real engines, cut into pieces wherever chance has it.</summary>
public sealed class WatchedStreamTests
{
    private const int Rounds = 60;

    public static readonly TheoryData<string, string> Recordings = new()
    {
        { "openai/chat_stream.sse", "Chat" },
        { "openai/chat_stream_detailed_usage.sse", "Chat" },
        { "openai/completions_stream.sse", "Completion" },
        { "openai/completions_stream_usage.sse", "Completion" },
        { "openai/responses_stream_background.0.response.sse", "Response" },
        { "openai/responses_stream_function_call.0.response.sse", "Response" },
        { "openai/responses_stream_function_call.1.response.sse", "Response" },
        { "openai/responses_stream_usage.0.response.sse", "Response" },
        { "sse/vllm_chat_stream_usage.0.response.sse", "Chat" },
        { "sse/llamacpp_chat_stream_tail.sse", "Chat" },
        { "openai/chat_azure_model_router.chunks.jsonl", "Chat" },
        { "openai/chat_deepseek_tool_call.chunks.jsonl", "Chat" },
        { "sse/vllm_qwen3_reasoning_stream.chunks.jsonl", "Chat" },
        { "sse/vllm_qwen3_tools_stream_a.chunks.jsonl", "Chat" },
    };

    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task A_healthy_stream_passes_byte_for_byte(string file, string api)
    {
        foreach (byte[] whole in Variants(file))
            for (ulong seed = 0; seed < Rounds; seed++)
            {
                (byte[] got, Attempt attempt) = await PassAsync(whole, seed, Enum.Parse<ApiKind>(api), hidesUsage: false);
                Assert.True(whole.AsSpan().SequenceEqual(got), $"seed {seed}: {Difference(whole, got)}");
                Assert.False(attempt.Broke);
                Assert.Equal(UsageOf(whole), attempt.Usage);
            }
    }

    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task The_usage_event_is_taken_out_and_nothing_else(string file, string api)
    {
        foreach (byte[] whole in Variants(file))
        {
            byte[] wanted = [.. Events(whole).Where(e => !IsUsageOnly(e)).SelectMany(e => e)];
            for (ulong seed = 0; seed < Rounds; seed++)
            {
                (byte[] got, Attempt attempt) = await PassAsync(whole, seed, Enum.Parse<ApiKind>(api), hidesUsage: true);
                Assert.True(wanted.AsSpan().SequenceEqual(got), $"seed {seed}: {Difference(wanted, got)}");
                Assert.Equal(UsageOf(whole), attempt.Usage);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Recordings))]
    public async Task Before_a_break_only_whole_events_pass_and_then_an_error_event(string file, string api)
    {
        foreach (byte[] whole in Variants(file))
        {
            List<byte[]> events = Events(whole);
            int done = whole.AsSpan().IndexOf("data: [DONE]"u8);
            for (ulong seed = 0; seed < Rounds; seed++)
            {
                int cut = new SplitMix64(seed ^ 0xC07).Below(done < 0 ? whole.Length : done);
                (byte[] got, Attempt attempt) = await PassAsync(whole, seed, Enum.Parse<ApiKind>(api), hidesUsage: false, cut);
                byte[] before = [.. WholeEventsWithin(events, cut).SelectMany(e => e)];
                Assert.True(attempt.Broke, $"seed {seed}, cut at {cut}: not noticed");
                Assert.True(got.AsSpan().StartsWith(before), $"seed {seed}, cut at {cut}: {Difference(before, got)}");
                string notice = Encoding.UTF8.GetString(got.AsSpan(before.Length));
                Assert.Equal(1, notice.Split("engine_stream_broken").Length - 1);
                Assert.EndsWith("\n\n", notice);
                JsonDocument.Parse(notice[notice.IndexOf('{')..]).Dispose();
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_the_end_mark_a_broken_connection_is_no_break(bool lineEnded)
    {
        byte[] whole = Encoding.UTF8.GetBytes("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]" + (lineEnded ? "\n\n" : ""));
        for (ulong seed = 0; seed < Rounds; seed++)
        {
            (byte[] got, Attempt attempt) = await PassAsync(whole, seed, ApiKind.Chat, hidesUsage: false, whole.Length);
            Assert.True(whole.AsSpan().SequenceEqual(got), $"seed {seed}: {Difference(whole, got)}");
            Assert.False(attempt.Broke);
        }
    }

    /// <summary>As recorded, and with the other line ends the event stream format allows.</summary>
    private static IEnumerable<byte[]> Variants(string file)
    {
        string text = Encoding.UTF8.GetString(RecordedData.Read(file));
        if (file.EndsWith(".jsonl", StringComparison.Ordinal))
            text = string.Concat(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"data: {line}\n\n")) + "data: [DONE]\n\n";
        yield return Encoding.UTF8.GetBytes(text);
        yield return Encoding.UTF8.GetBytes(text.Replace("\r\n", "\n").Replace("\n", "\r\n"));
    }

    private static async Task<(byte[] Got, Attempt Attempt)> PassAsync(byte[] whole, ulong seed, ApiKind api, bool hidesUsage, int? breakAt = null)
    {
        using var pool = new PoolHost(new PoolOptions { Name = "p" }, new HostClock(TimeProvider.System), (_, _) => { });
        var request = new PlacementRequest { Id = "r", Model = "m", Api = api };
        var attempt = new Attempt(pool, request, new FleetRouter.Hosting.Placement("i", new Uri("http://127.0.0.1:1"), null, 1), TimeProvider.System, 0)
        {
            Terms = default, HidesUsage = hidesUsage, EngineApiKey = null, DropsClientKey = false,
        };
        var random = new SplitMix64(seed);
        await using var stream = new WatchedStream(new PiecesStream(whole, random, breakAt), attempt);
        var got = new MemoryStream();
        byte[] buffer = new byte[1 + random.Below(5_000)];
        while (true)
        {
            // YARP waits with an empty buffer before it rents one.
            Assert.Equal(0, await stream.ReadAsync(Memory<byte>.Empty));
            int read = await stream.ReadAsync(buffer);
            if (read == 0)
                return (got.ToArray(), attempt);
            got.Write(buffer, 0, read);
        }
    }

    /// <summary>Events with the blank line that ends each; what follows the last blank line is one more.</summary>
    private static List<byte[]> Events(byte[] whole)
    {
        var events = new List<byte[]>();
        ReadOnlySpan<byte> rest = whole;
        ReadOnlySpan<byte> end = rest.IndexOf("\r\n\r\n"u8) >= 0 ? "\r\n\r\n"u8 : "\n\n"u8;
        while (rest.IndexOf(end) is >= 0 and var at)
        {
            events.Add(rest[..(at + end.Length)].ToArray());
            rest = rest[(at + end.Length)..];
        }
        if (rest.Length > 0)
            events.Add(rest.ToArray());
        return events;
    }

    private static IEnumerable<byte[]> WholeEventsWithin(List<byte[]> events, int length)
    {
        foreach (byte[] e in events)
            if ((length -= e.Length) >= 0)
                yield return e;
            else
                yield break;
    }

    private static bool IsUsageOnly(byte[] e) => Data(e) is { } json
        && json.TryGetProperty("choices", out JsonElement choices) && choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() == 0
        && json.TryGetProperty("usage", out JsonElement usage) && usage.ValueKind == JsonValueKind.Object;

    private static TokenUsage? UsageOf(byte[] whole)
    {
        TokenUsage? last = null;
        foreach (byte[] e in Events(whole))
        {
            if (Data(e) is not { } json)
                continue;
            JsonElement holder = json.TryGetProperty("response", out JsonElement response) ? response : json;
            if (!holder.TryGetProperty("usage", out JsonElement usage) || usage.ValueKind != JsonValueKind.Object)
                continue;
            bool chat = usage.TryGetProperty("prompt_tokens", out JsonElement prompt);
            if (!chat)
                prompt = usage.GetProperty("input_tokens");
            int completion = usage.TryGetProperty(chat ? "completion_tokens" : "output_tokens", out JsonElement c) ? c.GetInt32() : 0;
            int? cached = usage.TryGetProperty(chat ? "prompt_tokens_details" : "input_tokens_details", out JsonElement details)
                && details.ValueKind == JsonValueKind.Object && details.TryGetProperty("cached_tokens", out JsonElement hit) && hit.ValueKind == JsonValueKind.Number
                ? hit.GetInt32() : null;
            last = new TokenUsage(prompt.GetInt32(), cached, completion);
        }
        return last;
    }

    private static JsonElement? Data(byte[] e)
    {
        string? line = Encoding.UTF8.GetString(e).Split('\n').Select(l => l.TrimEnd('\r')).FirstOrDefault(l => l.StartsWith("data: {", StringComparison.Ordinal));
        return line is null ? null : JsonDocument.Parse(line["data: ".Length..]).RootElement.Clone();
    }

    private static string Difference(ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> got)
    {
        int at = wanted.CommonPrefixLength(got);
        return $"{wanted.Length} bytes wanted, {got.Length} got, from byte {at} on:\n{Encoding.UTF8.GetString(wanted[at..Math.Min(wanted.Length, at + 200)])}\n---\n{Encoding.UTF8.GetString(got[at..Math.Min(got.Length, at + 200)])}";
    }
}
