using System.Net.Sockets;
using System.Text;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>Raw clients that read streams: one to its end, for its size, or many at once, for the memory they take.</summary>
internal static class OpenStreams
{
    private static readonly byte[] LastChunk = "\r\n0\r\n\r\n"u8.ToArray();

    /// <summary>Bytes of one whole stream on the wire.</summary>
    public static async Task<int> MeasureAsync(Target target, CancellationToken cancellation)
    {
        using Socket client = await AskAsync(target.Port, "sse", 0, cancellation);
        var answer = new byte[1 << 20];
        int length = 0;
        do
        {
            int read = await client.ReceiveAsync(answer.AsMemory(length), cancellation);
            length += read;
            if (read == 0 || length == answer.Length)
                throw new OverheadException($"{target.Name} gave no whole stream: {FirstLine(answer, length)}");
        } while (!answer.AsSpan(0, length).EndsWith(LastChunk));
        string text = Encoding.ASCII.GetString(answer, 0, length);
        if (!text.StartsWith("HTTP/1.1 200", StringComparison.Ordinal) || !text.Contains("data: [DONE]", StringComparison.Ordinal))
            throw new OverheadException($"{target.Name} gave no whole stream: {FirstLine(answer, length)}");
        return length;
    }

    /// <summary>Resident memory of a proxy while <paramref name="count"/> streams are open and each has begun, in MiB.</summary>
    public static async Task<double> ResidentMiBAsync(Target target, int count, CancellationToken cancellation)
    {
        var clients = new List<Socket>();
        try
        {
            for (int i = 0; i < count; i++)
                clients.Add(await AskAsync(target.Port, BenchEngines.LongAnswer, i, cancellation));
            await Task.WhenAll(clients.Select(BeginsAsync));
            return target.Process!.ResidentMiB();
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }

        async Task BeginsAsync(Socket client)
        {
            var answer = new byte[8192];
            int read = await client.ReceiveAsync(answer, cancellation);
            if (!answer.AsSpan(0, read).StartsWith("HTTP/1.1 200"u8))
                throw new OverheadException($"{target.Name} refused one of {count} open streams: {FirstLine(answer, read)}");
        }
    }

    private static async Task<Socket> AskAsync(int port, string answer, int number, CancellationToken cancellation)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync("127.0.0.1", port, cancellation);
        string body = $$$"""{"model":"{{{BenchEngines.Model}}}","messages":[{"role":"user","content":"open stream {{{number}}}"}],"stream":true,"stream_options":{"include_usage":true}}""";
        await client.SendAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n{BenchEngines.AnswerHeader}: {answer}\r\nContent-Length: {body.Length}\r\n\r\n{body}"), cancellation);
        return client;
    }

    private static string FirstLine(byte[] answer, int length) =>
        length == 0 ? "it closed the connection" : Encoding.ASCII.GetString(answer, 0, length).Split('\r')[0];
}
