using System.Text;
using System.Text.Json;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Gateway.Tests.Hostile;

/// <summary>Clients that speak HTTP badly, or leave at a bad moment.</summary>
public sealed class HostileClientTests(SharedGateway shared) : IClassFixture<SharedGateway>
{
    private static readonly string Good = GatewayUnderTest.Chat("hello there", 3);
    private GatewayUnderTest Gateway => shared.Gateway;

    [Theory]
    [InlineData("GET", "/v1/chat/completions", 405)]
    [InlineData("PUT", "/v1/completions", 405)]
    [InlineData("DELETE", "/v1/embeddings", 405)]
    [InlineData("PATCH", "/v1/responses", 405)]
    [InlineData("BREW", "/v1/responses", 405)]
    [InlineData("POST", "/v1/models", 405)]
    [InlineData("GET", "/v1/models/nobody%2Fserves-this", 404)]
    [InlineData("GET", "/", 404)]
    [InlineData("GET", "/v1", 404)]
    [InlineData("POST", "/v2/chat/completions", 404)]
    [InlineData("GET", "/admin/fleet", 404)]
    [InlineData("GET", "/v1/../admin/fleet", 404)]
    [InlineData("GET", "/v1/%2e%2e/admin/fleet", 404)]
    [InlineData("GET", "/v1/..%2f..%2fetc/passwd", 400)]
    [InlineData("GET", "/v1/..\\..\\etc\\passwd", 400)]
    [InlineData("GET", "//v1//models", 404)]
    [InlineData("GET", "/v1/files", 400)]
    public async Task A_wrong_method_or_path_is_an_error_in_OpenAIs_shape(string method, string path, int status)
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.SendAsync($"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        (await client.ReadAsync())!.IsError(status);
        await Gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData("GARBAGE\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n")]
    [InlineData("GET / HTTP/9.9\r\nHost: x\r\n\r\n")]
    [InlineData("GET http://[bad HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n")]
    [InlineData("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello")]
    [InlineData("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: banana\r\n\r\n")]
    [InlineData("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Session-Id: a\u0000b\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX Y: z\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n")]
    [InlineData("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n")]
    public async Task What_is_no_HTTP_is_refused_and_cut_off(string bytes)
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.SendAsync(bytes);
        RawAnswer? answer = await client.ReadAsync();
        Assert.True(answer is null or { Status: >= 400 and < 506, Whole: true }, $"{answer?.Status} {answer?.Text}");
        Assert.True(await client.IsClosedAsync(), "the connection stays open");
        await Gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData(200, 10)]
    [InlineData(20, 4_000)]
    [InlineData(1, 60_000)]
    public async Task A_flood_of_headers_is_cut_off(int count, int size)
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        var head = new StringBuilder("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n");
        for (int i = 0; i < count; i++)
            head.Append($"x-flood-{i}: ").Append('f', size).Append("\r\n");
        await client.SendAsync(head.Append("Content-Length: 0\r\n\r\n").ToString());
        RawAnswer? answer = await client.ReadAsync();
        Assert.True(answer is null or { Status: 431 or 400 }, $"{answer?.Status}");
        Assert.True(await client.IsClosedAsync(), "the connection stays open");
        await Gateway.ServesOnAsync();
    }

    /// <summary>Each of these is a client's whim; none may be held against an engine.</summary>
    [Theory]
    [InlineData("x-session-id", "10k")]
    [InlineData("x-request-id", "10k")]
    [InlineData("x-request-id", "caf\u00c3\u00a9")]
    [InlineData("x-session-id", "caf\u00c3\u00a9")]
    [InlineData("x-anything", "caf\u00c3\u00a9")]
    [InlineData("x-request-id", "a\tb")]
    [InlineData("x-request-id", "\"quoted\" <b>&amp;</b> {json: 1}")]
    [InlineData("user-agent", "((((")]
    [InlineData("accept", ",,,;;;===")]
    [InlineData("authorization", "Basic :::")]
    [InlineData("cookie", "a=b; c")]
    [InlineData("host", "elsewhere:99999")]
    [InlineData("via", "nonsense without version")]
    [InlineData("traceparent", "00-zz-zz-zz")]
    [InlineData("expect", "100-continue")]
    [InlineData("accept-encoding", "gzip, br, zstd")]
    [InlineData("content-encoding", "nonsense")]
    [InlineData("content-type", "not a media type;;;")]
    [InlineData("te", "trailers, deflate")]
    [InlineData("connection", "x-session-id, close")]
    [InlineData("upgrade", "h2c")]
    public async Task An_absurd_header_value_harms_neither_its_request_nor_the_fleet(string name, string value)
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        byte[] body = Encoding.UTF8.GetBytes(Good);
        await client.SendAsync((byte[])[
            .. Encoding.Latin1.GetBytes(
                $"POST /v1/chat/completions HTTP/1.1\r\n{(name == "host" ? "" : "Host: x\r\n")}{name}: {(value == "10k" ? new string('s', 10_000) : value)}\r\nContent-Length: {body.Length}\r\n\r\n"),
            .. body]);
        RawAnswer? answer = await client.ReadAsync();
        Assert.NotNull(answer);
        FleetState state = await Gateway.LeasesAsync();
        Assert.True(state.Ready == 2, $"the client's header put an engine out of use:\n{state.Text}");
        if (answer.Status != 400 || name != "host")
            Assert.True(answer.Status == 200, $"{answer.Status} {answer.Text}");
        await Gateway.ServesOnAsync();
    }

    [Fact]
    public async Task Pipelined_requests_are_answered_in_order()
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.PostAsync(Good, headers: "x-request-id: one\r\n");
        await client.PostAsync("{", headers: "x-request-id: two\r\n");
        await client.PostAsync(GatewayUnderTest.Chat("streamed", 3, stream: true), headers: "x-request-id: three\r\n");
        await client.SendAsync("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n");
        RawAnswer first = (await client.ReadAsync())!;
        Assert.Equal((200, "one"), (first.Status, first.Headers["x-request-id"]));
        (await client.ReadAsync())!.IsError(400, "invalid_json");
        RawAnswer third = (await client.ReadAsync())!;
        Assert.Equal((200, "three"), (third.Status, third.Headers["x-request-id"]));
        Assert.EndsWith("data: [DONE]\n\n", third.Text);
        Assert.Contains(GatewayUnderTest.Model, (await client.ReadAsync())!.Text);
        await Gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_HTTP_1_0_client_gets_its_whole_answer_and_the_connection_closed(bool stream)
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.PostAsync(GatewayUnderTest.Chat("hello", 5, stream), version: "HTTP/1.0");
        RawAnswer answer = (await client.ReadAsync())!;
        Assert.Equal(200, answer.Status);
        Assert.False(answer.Headers.ContainsKey("Transfer-Encoding"));
        if (stream)
            Assert.EndsWith("data: [DONE]\n\n", answer.Text);
        else
            Assert.Equal("chat.completion", JsonDocument.Parse(answer.Body).RootElement.GetProperty("object").GetString());
        Assert.True(await client.IsClosedAsync());
        await Gateway.ServesOnAsync();
    }

    [Fact]
    public async Task A_chunked_upload_reaches_the_engine_whole()
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.SendAsync("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        foreach (byte letter in Encoding.UTF8.GetBytes(Good))
            await client.SendAsync($"1;x=y\r\n{(char)letter}\r\n");
        await client.SendAsync("0\r\nx-trailer: t\r\n\r\n");
        Assert.Equal(200, (await client.ReadAsync())!.Status);
        await Gateway.ServesOnAsync();
    }

    [Fact]
    public async Task A_client_that_vanishes_while_it_uploads_leaves_nothing()
    {
        byte[] body = Encoding.UTF8.GetBytes(Good);
        string[] heads =
        [
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {body.Length}\r\n\r\n",
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1ff\r\n",
            "POST /v1/chat/compl",
        ];
        foreach (string head in heads)
            foreach (bool reset in (bool[])[true, false])
            {
                using RawClient client = await RawClient.ConnectAsync(Gateway);
                await client.SendAsync(head);
                await client.SendAsync(body.AsMemory(0, body.Length / 2));
                if (reset)
                    client.Reset();
                else
                {
                    client.HalfClose();
                    RawAnswer? answer = await client.ReadAsync();
                    Assert.True(answer is null or { Status: 400 }, $"{answer?.Status} {answer?.Text}");
                }
            }
        await Gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_client_that_vanishes_frees_its_lease_and_its_engine(bool stream, bool reset)
    {
        await Gateway.NoLeaseLeft();
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.PostAsync(GatewayUnderTest.Endless("goes on and on", stream));
        if (stream)
            await client.UntilAsync("data: ");
        else
            await Gateway.UntilAsync(state => state.Leases == 1, "the request's lease");
        if (reset)
            client.Reset();
        else
            client.HalfClose();
        await Gateway.NoLeaseLeft();
        foreach (var engine in Gateway.Engines!.Instances)
            await engine.WhenIdleAsync().WaitAsync(TimeSpan.FromSeconds(60));
        await Gateway.ServesOnAsync();
    }

    [Fact]
    public async Task A_body_beyond_the_bound_is_413_with_its_length_announced()
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.SendAsync($"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {100 << 20}\r\n\r\n{{\"model\":");
        (await client.ReadAsync())!.IsError(413, "request_too_large");
        await Gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hundred_megabytes_sent_to_the_end_are_413(bool chunked)
    {
        const int pieces = 100;
        byte[] piece = new byte[1 << 20];
        Array.Fill(piece, (byte)' ');
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.SendAsync("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            + (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : $"Content-Length: {pieces * piece.Length}\r\n\r\n"));
        Task sending = SendAsync();
        RawAnswer answer = (await client.ReadAsync())!;
        answer.IsError(413, "request_too_large");
        await sending;
        await Gateway.ServesOnAsync();

        async Task SendAsync()
        {
            try
            {
                for (int i = 0; i < pieces; i++)
                {
                    if (chunked)
                        await client.SendAsync($"{piece.Length:x}\r\n");
                    await client.SendAsync(piece);
                    if (chunked)
                        await client.SendAsync("\r\n");
                }
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Cut off, as a body beyond the bound may be.
            }
        }
    }

    [Fact]
    public async Task A_body_that_trickles_is_refused_in_the_end()
    {
        using RawClient client = await RawClient.ConnectAsync(Gateway);
        await client.SendAsync("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{");
        RawAnswer? answer = await client.ReadAsync();
        answer!.IsError(408, "request_timeout");
        await Gateway.ServesOnAsync();
    }
}
