using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace FleetRouter.Simulation.Tests.LoadGen;

/// <summary>A request as the fake engine got it.</summary>
internal sealed record FakeRequest(string Line, IReadOnlyDictionary<string, string> Headers, JsonElement Body)
{
    public int MaxTokens => Body.GetProperty("max_tokens").GetInt32();

    public string Content => string.Concat(Body.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("content").GetString()));
}

/// <summary>An HTTP server over a plain socket, so that a test says which bytes go out and when, broken ones included.</summary>
internal sealed class FakeEngine : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<FakeRequest, Stream, CancellationToken, Task<bool>> _answer;
    private readonly Task _accepting;

    /// <param name="answer">Answers a POST; false closes the connection.</param>
    public FakeEngine(Func<FakeRequest, Stream, CancellationToken, Task<bool>> answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = Accept();
    }

    public Uri Address => new($"http://{_listener.LocalEndpoint}");

    public System.Collections.Concurrent.ConcurrentQueue<FakeRequest> Requests { get; } = [];

    public static async Task Write(Stream to, string text) => await to.WriteAsync(Encoding.UTF8.GetBytes(text));

    public static Task Header(Stream to, string more = "") =>
        Write(to, $"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-gateway-destination-endpoint-served: 10.0.0.1:8000\r\n{more}Transfer-Encoding: chunked\r\n\r\n");

    public static Task Event(Stream to, string data)
    {
        var text = $"data: {data}\n\n";
        return Write(to, $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n");
    }

    public static Task End(Stream to) => Write(to, "0\r\n\r\n");

    /// <summary>A whole answer of the asked length.</summary>
    public static async Task<bool> Complete(FakeRequest request, Stream to, string token = "abc ", int cached = 5)
    {
        await Header(to);
        for (var i = 0; i < request.MaxTokens; i++) await Event(to, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + token + "\"}}]}");
        await Event(to, $"{{\"choices\":[],\"usage\":{{\"prompt_tokens\":20,\"completion_tokens\":{request.MaxTokens},\"prompt_tokens_details\":{{\"cached_tokens\":{cached}}}}}}}");
        await Event(to, "[DONE]");
        await End(to);
        return true;
    }

    public static async Task<bool> Refuse(Stream to, string status, string body)
    {
        await Write(to, $"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
        return true;
    }

    private async Task Accept()
    {
        try
        {
            while (true) _ = Serve(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException) { }
    }

    private async Task Serve(TcpClient client)
    {
        using var connection = client;
        connection.NoDelay = true;
        var stream = connection.GetStream();
        try
        {
            while (await Read(stream) is { } request)
            {
                if (request.Line.StartsWith("GET", StringComparison.Ordinal))
                {
                    await Refuse(stream, "200 OK", """{"object":"list","data":[{"id":"first","max_model_len":2000},{"id":"second"}]}""");
                    continue;
                }
                Requests.Enqueue(request);
                if (!await _answer(request, stream, _stop.Token)) return;
            }
        }
        catch (Exception ended) when (ended is IOException or OperationCanceledException or ObjectDisposedException) { }
    }

    private async Task<FakeRequest?> Read(NetworkStream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0) return null;
            head.Append((char)one[0]);
        }
        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length) : 0];
        await stream.ReadExactlyAsync(body, _stop.Token);
        return new FakeRequest(lines[0], headers, body.Length == 0 ? default : JsonDocument.Parse(body).RootElement);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }
}
