using System.Text;
using FleetRouter.LoadGen.Client;
using FleetRouter.Simulation.Tests.Traces;

namespace FleetRouter.Simulation.Tests.LoadGen;

public class SseReaderTests
{
    private static List<(string Name, string Data)> Read(byte[] stream, int piece)
    {
        var reader = new SseReader();
        var events = new List<(string, string)>();
        for (var at = 0; at < stream.Length;)
        {
            var free = reader.Free;
            Assert.False(free.IsEmpty);
            var count = Math.Min(Math.Min(piece, free.Length), stream.Length - at);
            stream.AsSpan(at, count).CopyTo(free.Span);
            reader.Filled(count);
            at += count;
            while (reader.TryRead(out var data, out var name)) events.Add((Encoding.UTF8.GetString(name), Encoding.UTF8.GetString(data)));
        }
        return events;
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(7), InlineData(100_000)]
    public void Events_come_out_whole_however_the_bytes_are_cut(int piece)
    {
        var stream = ": hello\n\ndata: {\"a\":1}\n\nevent: error\r\ndata: x\r\n\r\nid: 7\ndata:no space\ndata:  two\n\nretry: 10\n\ndata: [DONE]\n\ndata: cut"u8.ToArray();
        Assert.Equal([("", "{\"a\":1}"), ("error", "x"), ("", "no space\n two"), ("", "[DONE]")], Read(stream, piece));
    }

    [Fact]
    public void An_event_longer_than_the_buffer_comes_out_whole()
    {
        var text = new string('z', 300_000);
        Assert.Equal([("", text)], Read(Encoding.UTF8.GetBytes($"data: {text}\n\n"), 5000));
    }

    [Fact]
    public void A_stream_without_an_end_of_event_is_refused_and_not_kept_for_ever()
    {
        var reader = new SseReader();
        void ReadOn()
        {
            for (var i = 0; i < 100; i++) reader.Filled(reader.Free.Length);
        }
        Assert.Throws<InvalidDataException>(ReadOn);
    }

    [Theory]
    [InlineData(1), InlineData(13), InlineData(1000)]
    public void A_recorded_vLLM_stream_gives_its_answer_and_usage(int piece)
    {
        var stream = File.ReadAllBytes(SharedFiles.Find("fixtures/sse/vllm_chat_stream_usage.0.response.sse"));
        var events = Read(stream, piece);
        Assert.Equal("[DONE]", events[^1].Data);
        var answer = new StringBuilder();
        AnswerChunk last = default;
        foreach (var (_, data) in events.SkipLast(1)) last = AnswerChunk.Read(Encoding.UTF8.GetBytes(data), answer);
        Assert.Equal("1, 2, 3, 4, 5", answer.ToString());
        Assert.Equal((46, 0, 14), (last.PromptTokens, last.CachedTokens, last.CompletionTokens));
    }
}
