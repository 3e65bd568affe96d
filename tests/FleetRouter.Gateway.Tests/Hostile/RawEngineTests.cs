using System.Text;
using System.Text.Json;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Gateway.Tests.Hostile;

/// <summary>Answers that no stand-in gives: wrong lengths, other line ends, huge events, pages of HTML.</summary>
public sealed class RawEngineTests
{
    private static readonly string Whole = GatewayUnderTest.Chat("hello", 8);
    private static readonly string Streamed = GatewayUnderTest.Chat("hello", 8, stream: true);
    private const string Chunk = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}";
    private const string UsageChunk = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"total_tokens\":4,\"completion_tokens\":1}}";

    private static async Task<(RawAnswer? Answer, RawEngine Engine)> AskAsync(string body, Func<RawCall, Task> answer, string headers = "")
    {
        // The engine misbehaves once; whether the gateway serves on is asked of the same engine, mended.
        int calls = 0;
        await using var engine = new RawEngine(call => Interlocked.Increment(ref calls) == 1 ? answer(call) : call.WriteAsync(RawEngine.Json("""{"object":"chat.completion","choices":[]}""")));
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(instances: [engine.Address], pool: pool => pool with { MaxAttempts = 1 });
        using RawClient client = await RawClient.ConnectAsync(gateway);
        await client.PostAsync(body, headers: headers);
        RawAnswer? got = await client.ReadAsync();
        await gateway.ServesOnAsync();
        return (got, engine);
    }

    [Fact]
    public async Task A_page_of_HTML_passes_untouched()
    {
        const string page = "<html><body>It works!</body></html>";
        (RawAnswer? answer, _) = await AskAsync(Whole, call => call.WriteAsync(RawEngine.Json(page, type: "text/html")));
        Assert.Equal((200, page, "text/html"), (answer!.Status, answer.Text, answer.Headers["Content-Type"]));
    }

    [Fact]
    public async Task A_page_of_HTML_in_place_of_a_stream_passes_untouched()
    {
        (RawAnswer? answer, _) = await AskAsync(Streamed, call => call.WriteAsync(RawEngine.Json("<html>", 502, "text/html")));
        Assert.Equal((502, "<html>"), (answer!.Status, answer.Text));
    }

    [Fact]
    public async Task A_stream_without_its_end_mark_ends_in_an_error_event()
    {
        (RawAnswer? answer, _) = await AskAsync(Streamed, call => call.WriteAsync($"{RawEngine.StreamHead}{Chunk}\n\n{Chunk}\n\n"));
        Assert.StartsWith($"{Chunk}\n\n{Chunk}\n\ndata: {{\"error\":", answer!.Text);
        Assert.Contains("engine_stream_broken", answer.Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("\n\n")]
    [InlineData("\r\n")]
    [InlineData("\n\n: bye\n\n")]
    public async Task A_stream_with_its_end_mark_is_whole_however_that_line_ends(string end)
    {
        string stream = $"{Chunk}\n\ndata: [DONE]{end}";
        (RawAnswer? answer, _) = await AskAsync(Streamed, call => call.WriteAsync(RawEngine.StreamHead + stream));
        Assert.Equal(stream, answer!.Text);
    }

    [Fact]
    public async Task A_stream_with_other_line_ends_passes_without_the_usage_nobody_asked_for()
    {
        const string end = "\r\n\r\n";
        (RawAnswer? answer, _) = await AskAsync(Streamed, call => call.WriteAsync($"{RawEngine.StreamHead}{Chunk}{end}{UsageChunk}{end}data: [DONE]{end}"));
        Assert.Equal($"{Chunk}{end}data: [DONE]{end}", answer!.Text);
    }

    [Fact]
    public async Task An_event_of_five_megabytes_passes_whole()
    {
        string huge = $"data: {{\"choices\":[{{\"delta\":{{\"content\":\"{new string('x', 5 << 20)}\"}}}}]}}";
        string stream = $"{Chunk}\n\n{huge}\n\n{Chunk}\n\ndata: [DONE]\n\n";
        (RawAnswer? answer, _) = await AskAsync(Streamed, call => call.WriteAsync(RawEngine.StreamHead + stream));
        Assert.Equal(stream.Length, answer!.Body.Length);
        Assert.Equal(stream, answer.Text);
    }

    [Fact]
    public async Task A_cut_within_an_event_of_five_megabytes_never_looks_like_an_end()
    {
        string huge = $"data: {{\"choices\":[{{\"delta\":{{\"content\":\"{new string('x', 5 << 20)}";
        (RawAnswer? answer, _) = await AskAsync(Streamed, call => call.WriteAsync($"{RawEngine.StreamHead}{Chunk}\n\n{huge}"));
        Assert.True(answer is null or { Whole: false } || answer.Text.Contains("\n\ndata: {\"error\":", StringComparison.Ordinal),
            "the error event is glued to half an event");
    }

    [Fact]
    public async Task A_stream_that_comes_byte_by_byte_passes_whole()
    {
        string stream = $"{Chunk}\n\n{Chunk}\n\ndata: [DONE]\n\n";
        (RawAnswer? answer, _) = await AskAsync(Streamed, async call =>
        {
            foreach (byte letter in Encoding.UTF8.GetBytes(RawEngine.StreamHead + stream))
                await call.WriteAsync([letter]);
        });
        Assert.Equal(stream, answer!.Text);
    }

    [Fact]
    public async Task A_length_that_promises_too_much_shows_as_a_cut()
    {
        (RawAnswer? answer, _) = await AskAsync(Whole, call => call.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n{\"object\":"));
        Assert.True(answer is null or { Whole: false } or { Status: 503 }, $"half an answer looks whole: {answer?.Status} {answer?.Text}");
    }

    [Fact]
    public async Task A_length_that_promises_too_little_is_taken_at_its_word()
    {
        (RawAnswer? answer, _) = await AskAsync(Whole, call => call.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}{\"more\":true}HTTP/1.1 200 OK\r\n"));
        Assert.Equal((200, "{}"), (answer!.Status, answer.Text));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: banana\r\n\r\n{}")]
    [InlineData("HTTP/1.1 999999 Strange\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nNOT-HEX\r\n")]
    [InlineData("220 mail.example ESMTP\r\n")]
    [InlineData("\0\0\0\0\0\0\0\0\r\n\r\n")]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Ty")]
    public async Task A_malformed_answer_is_503_or_a_cut_that_shows(string bytes)
    {
        (RawAnswer? answer, _) = await AskAsync(Whole, call => call.WriteAsync(bytes));
        if (answer is { Status: 503 })
            answer.IsError(503);
        else
            Assert.True(answer is null or { Whole: false }, $"{answer?.Status} {answer?.Text}");
    }

    [Fact]
    public async Task An_answer_with_a_header_beyond_ASCII_is_not_held_against_the_engine_for_ever()
    {
        (RawAnswer? answer, _) = await AskAsync(Whole, call => call.WriteAsync("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Name: caf\u00e9\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"));
        Assert.NotNull(answer);
    }

    [Fact]
    public async Task The_engine_is_asked_for_plain_bytes_and_sees_none_of_the_routers_headers()
    {
        string head = "";
        (RawAnswer? answer, _) = await AskAsync(
            Whole,
            call =>
            {
                head = call.Head;
                return call.WriteAsync(RawEngine.Json("{}"));
            },
            "Accept-Encoding: gzip, br\r\nExpect: 100-continue\r\nx-session-id: s\r\nx-api-key: k\r\nx-request-id: mine\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
        Assert.Equal("mine", answer!.Headers["x-request-id"]);
        Assert.DoesNotContain("gzip", head);
        Assert.DoesNotContain("Expect", head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("x-session-id", head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("x-api-key", head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("mine", head);
        Assert.Contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", head);
    }
}
