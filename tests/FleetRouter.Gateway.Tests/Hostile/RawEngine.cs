using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Gateway.Tests.Hostile;

/// <summary>An engine that is healthy to its probes, and answers requests with whatever bytes a test gives it.</summary>
internal sealed class RawEngine : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<RawCall, Task> _answer;
    private readonly Task _accepting;

    public RawEngine(Func<RawCall, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>The requests it got, as they came.</summary>
    public ConcurrentQueue<RawCall> Calls { get; } = new();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                client.NoDelay = true;
                NetworkStream stream = client.GetStream();
                (string head, byte[] body) = await ReadAsync(stream);
                string path = head.Split(' ')[1];
                if (path == "/health")
                    await WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                else if (path == "/v1/models")
                    await WriteAsync(stream, Json($$"""{"object":"list","data":[{"id":"{{GatewayUnderTest.Model}}","object":"model"}]}"""));
                else if (path == "/metrics")
                    await WriteAsync(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                else
                {
                    var call = new RawCall(head, body, stream, _stop.Token);
                    Calls.Enqueue(call);
                    await _answer(call);
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // The gateway left, or the test is over.
            }
        }
    }

    private async Task<(string Head, byte[] Body)> ReadAsync(NetworkStream stream)
    {
        var bytes = new List<byte>();
        var buffer = new byte[16 * 1024];
        int end, length = 0;
        while ((end = bytes.ToArray().AsSpan().IndexOf("\r\n\r\n"u8)) < 0)
            bytes.AddRange(buffer.AsSpan(0, await SomeAsync()));
        string head = Encoding.Latin1.GetString([.. bytes[..end]]);
        foreach (string line in head.Split("\r\n"))
            if (line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase))
                length = int.Parse(line["Content-Length: ".Length..], System.Globalization.CultureInfo.InvariantCulture);
        while (bytes.Count < end + 4 + length)
            bytes.AddRange(buffer.AsSpan(0, await SomeAsync()));
        return (head, [.. bytes[(end + 4)..]]);

        async Task<int> SomeAsync() => await stream.ReadAsync(buffer, _stop.Token) is > 0 and var read ? read : throw new IOException("closed");
    }

    private static Task WriteAsync(NetworkStream stream, string text) => stream.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();

    /// <summary>A whole answer of JSON.</summary>
    public static string Json(string body, int status = 200, string type = "application/json") =>
        $"HTTP/1.1 {status} Status\r\nContent-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";

    /// <summary>The head of an event stream that ends where the connection does.</summary>
    public const string StreamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        _stop.Dispose();
    }
}

/// <summary>One request a <see cref="RawEngine"/> got, and the connection to answer it on.</summary>
internal sealed record RawCall(string Head, byte[] Body, NetworkStream Stream, CancellationToken Stop)
{
    public Task WriteAsync(string text) => Stream.WriteAsync(Encoding.UTF8.GetBytes(text), Stop).AsTask();

    public Task WriteAsync(byte[] bytes) => Stream.WriteAsync(bytes, Stop).AsTask();
}
