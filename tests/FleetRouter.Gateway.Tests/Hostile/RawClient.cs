using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Gateway.Tests.Hostile;

/// <summary>A client that writes whatever it likes to a socket.</summary>
internal sealed class RawClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Socket _socket;
    private byte[] _unread = [];

    private RawClient(Socket socket) => _socket = socket;

    public static async Task<RawClient> ConnectAsync(GatewayUnderTest gateway)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", gateway.Http.BaseAddress!.Port);
        return new RawClient(socket);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        using var late = new CancellationTokenSource(Patience);
        while (bytes.Length > 0)
            bytes = bytes[await _socket.SendAsync(bytes, late.Token)..];
    }

    /// <summary>A POST with a body of known length.</summary>
    public Task PostAsync(byte[] body, string path = "/v1/chat/completions", string headers = "", string version = "HTTP/1.1") => SendAsync(
        (byte[])[.. Encoding.Latin1.GetBytes($"POST {path} {version}\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n{headers}\r\n"), .. body]);

    public Task PostAsync(string body, string path = "/v1/chat/completions", string headers = "", string version = "HTTP/1.1") =>
        PostAsync(Encoding.UTF8.GetBytes(body), path, headers, version);

    /// <summary>Says that nothing more will be sent; what comes may still be read.</summary>
    public void HalfClose() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Leaves as a process does that is killed: without a word.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Close();
    }

    /// <summary>The next answer; null if the connection ended without one.</summary>
    public async Task<RawAnswer?> ReadAsync(bool headOnly = false)
    {
        var bytes = new List<byte>(_unread);
        int end;
        while ((end = IndexOf(bytes, "\r\n\r\n")) < 0)
            if (!await MoreAsync(bytes))
                return bytes.Count == 0 ? null : throw new InvalidDataException($"the answer's head is cut: {Encoding.Latin1.GetString([.. bytes])}");
        string[] lines = Encoding.Latin1.GetString([.. bytes[..end]]).Split("\r\n");
        var headers = lines.Skip(1).Select(l => l.Split(": ", 2)).GroupBy(h => h[0], StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.Last()[1], StringComparer.OrdinalIgnoreCase);
        int status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
        bytes.RemoveRange(0, end + 4);
        if (status == 100)
        {
            _unread = [.. bytes];
            return await ReadAsync(headOnly);
        }
        var body = new List<byte>();
        bool whole = headOnly || await ReadBodyAsync(headers, bytes, body);
        _unread = [.. bytes];
        return new RawAnswer(status, headers, [.. body], whole);
    }

    /// <summary>Whether the other side closed and there is nothing more to read.</summary>
    public async Task<bool> IsClosedAsync() => _unread.Length == 0 && !await MoreAsync([]);

    /// <summary>Reads until the answer so far holds <paramref name="text"/>.</summary>
    public async Task UntilAsync(string text)
    {
        var bytes = new List<byte>(_unread);
        while (IndexOf(bytes, text) < 0)
            Assert.True(await MoreAsync(bytes), $"the connection ended before '{text}'");
        _unread = [.. bytes];
    }

    private async Task<bool> ReadBodyAsync(Dictionary<string, string> headers, List<byte> bytes, List<byte> body)
    {
        if (headers.TryGetValue("Transfer-Encoding", out string? coding) && coding == "chunked")
        {
            while (true)
            {
                int line;
                while ((line = IndexOf(bytes, "\r\n")) < 0)
                    if (!await MoreAsync(bytes))
                        return false;
                int size = int.Parse(Encoding.Latin1.GetString([.. bytes[..line]]), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                while (bytes.Count < line + 2 + size + 2)
                    if (!await MoreAsync(bytes))
                        return false;
                body.AddRange(bytes[(line + 2)..(line + 2 + size)]);
                bytes.RemoveRange(0, line + 2 + size + 2);
                if (size == 0)
                    return true;
            }
        }
        bool known = headers.TryGetValue("Content-Length", out string? text);
        int length = known ? int.Parse(text!, CultureInfo.InvariantCulture) : int.MaxValue;
        while (bytes.Count < length && await MoreAsync(bytes))
        {
        }
        int taken = Math.Min(length, bytes.Count);
        body.AddRange(bytes[..taken]);
        bytes.RemoveRange(0, taken);
        return !known || taken == length;
    }

    private async Task<bool> MoreAsync(List<byte> bytes)
    {
        using var late = new CancellationTokenSource(Patience);
        byte[] buffer = new byte[64 * 1024];
        try
        {
            int read = await _socket.ReceiveAsync(buffer, late.Token);
            bytes.AddRange(buffer.AsSpan(0, read));
            return read > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int IndexOf(List<byte> bytes, string text) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes).IndexOf(Encoding.Latin1.GetBytes(text));

    public void Dispose() => _socket.Dispose();
}

/// <summary>An HTTP answer as it came.</summary>
/// <param name="Status">Its status.</param>
/// <param name="Headers">Its headers.</param>
/// <param name="Body">Its body, chunks put together.</param>
/// <param name="Whole">Whether the body came to its announced end.</param>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body, bool Whole)
{
    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>Holds that this is an error as OpenAI's clients expect it.</summary>
    public JsonElement IsError(int status, string? code = null)
    {
        Assert.True(Status == status, $"status {Status} instead of {status}: {Text}");
        Assert.True(Whole, "the error's body is cut");
        JsonElement error = JsonDocument.Parse(Body).RootElement.GetProperty("error");
        Assert.False(string.IsNullOrWhiteSpace(error.GetProperty("message").GetString()));
        Assert.False(string.IsNullOrWhiteSpace(error.GetProperty("type").GetString()));
        Assert.True(error.TryGetProperty("code", out JsonElement its));
        if (code is not null)
            Assert.Equal(code, its.GetString());
        return error;
    }
}
