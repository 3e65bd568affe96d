using System.Diagnostics;
using System.Text.Json;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>One run of wrk against a target: every request a prompt of its own, out of a few hundred prefixes.</summary>
internal sealed record Load(long Requests, double Seconds, long Bytes, double P50Ms, double P99Ms)
{
    /// <summary>Prompts are made when asked for, so that no two are the same; only their prefixes are shared.
    /// There are fewer of the largest size, so that making them does not outlast the window.</summary>
    private const string Script = """
        local prefixes, n = {}, 0
        local size, count = @SIZE@, @COUNT@
        local filler = ("the quick brown fox jumps over the lazy dog while it rains "):rep(math.ceil(size / 59) + 1)
        local tail = 44   -- length of the part that differs
        for i = 1, count do
          local text = string.format("You are assistant %04d of the bench. ", i)
          prefixes[i] = '{"model":"@MODEL@","messages":[{"role":"system","content":"' .. text .. filler:sub(1, size - tail - #text) ..
            '"},{"role":"user","content":"'
        end
        local close = '"}],"max_tokens":64@STREAM@}'
        local head = "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n@HEADER@: @ANSWER@\r\nContent-Length: " ..
          (#prefixes[1] + tail + #close) .. "\r\n\r\n"
        for i = 1, count do prefixes[i] = head .. prefixes[i] end
        request = function()
          n = n + 1
          return prefixes[n * 7919 % count + 1] .. string.format("question %010d of window @WINDOW@, please", n) .. close
        end
        done = function(summary, latency)
          local e = summary.errors
          io.write(string.format('{"requests":%d,"micros":%d,"bytes":%d,"p50":%d,"p99":%d,"status":%d,"socket":%d}\n', summary.requests, summary.duration,
            summary.bytes, latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
        end
        """;

    private static int _windows;

    public static async Task<Load> RunAsync(Cell cell, Target target, int seconds, string directory, CancellationToken cancellation)
    {
        string file = Path.Combine(directory, "load.lua");
        await File.WriteAllTextAsync(file, Script
            .Replace("@SIZE@", $"{cell.PromptBytes}").Replace("@COUNT@", cell.PromptBytes > 100_000 ? "64" : "256")
            .Replace("@MODEL@", BenchEngines.Model).Replace("@HEADER@", BenchEngines.AnswerHeader)
            .Replace("@ANSWER@", cell.Answer.ToString().ToLowerInvariant()).Replace("@WINDOW@", $"{++_windows:000000}")
            .Replace("@STREAM@", cell.Streams ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : ""), cancellation);
        var start = new ProcessStartInfo("taskset", ["-c", $"{Cores.Load}", "wrk", "-t1", $"-c{cell.Connections}", $"-d{seconds}s",
            "--timeout", "20s", "-s", file, $"http://127.0.0.1:{target.Port}"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process wrk = Process.Start(start)!;
        try
        {
            Task<string> error = wrk.StandardError.ReadToEndAsync(cancellation);
            string output = await wrk.StandardOutput.ReadToEndAsync(cancellation);
            await wrk.WaitForExitAsync(cancellation);
            string? figures = output.Split('\n').FirstOrDefault(l => l.StartsWith('{'));
            return figures is null
                ? throw new OverheadException($"wrk gave no figures for {target.Name}, {cell.Name}: {(await error + output).ReplaceLineEndings(" ").Trim()}")
                : Read(JsonDocument.Parse(figures).RootElement, cell, target);
        }
        finally
        {
            if (!wrk.HasExited)
                wrk.Kill();
        }
    }

    /// <summary>A run with a single wrong answer measures something else, so it is no figure at all.</summary>
    private static Load Read(JsonElement figures, Cell cell, Target target)
    {
        long requests = figures.GetProperty("requests").GetInt64(), bytes = figures.GetProperty("bytes").GetInt64();
        long status = figures.GetProperty("status").GetInt64(), socket = figures.GetProperty("socket").GetInt64();
        if (status + socket > 0)
            throw new OverheadException($"{target.Name}, {cell.Name}: {status} answers other than 2xx and {socket} socket errors in {requests} requests");
        if (requests == 0)
            throw new OverheadException($"{target.Name}, {cell.Name}: not one answer");
        if (bytes < requests * BenchEngines.BodyBytes(cell.Answer))
            throw new OverheadException($"{target.Name}, {cell.Name}: answers are too short: {bytes / requests} bytes on average");
        return new Load(requests, figures.GetProperty("micros").GetInt64() / 1e6, bytes,
            figures.GetProperty("p50").GetInt64() / 1e3, figures.GetProperty("p99").GetInt64() / 1e3);
    }
}
