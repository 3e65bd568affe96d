using System.Text;

namespace FleetRouter.Benchmarks.Overhead;

/// <summary>The engines everything is forwarded to: one nginx that answers two ports as two vLLM engines, so that there is
/// a choice to make. Which answer it gives is asked for by a header, which every proxy passes on.</summary>
internal sealed class BenchEngines : IDisposable
{
    public const string AnswerHeader = "X-Bench-Answer";
    public const string Model = "bench";

    /// <summary>Events of a stream that carry a token; the usage event and <c>[DONE]</c> follow as one more write.</summary>
    public const int Events = 50;

    /// <summary>Writes of which a stream's body is made.</summary>
    public const int Chunks = Events + 1;

    /// <summary>Slow enough that several hundred streams can be opened while none has ended.</summary>
    public const string LongAnswer = "long";

    private const string Id = "chatcmpl-5f0c2d5e8a7b4c1f9d3e6a2b1c0d4e7f";

    private readonly PinnedProcess _nginx;

    private BenchEngines(PinnedProcess nginx, int[] ports) => (_nginx, Ports) = (nginx, ports);

    public int[] Ports { get; }

    /// <summary>Least bytes of a whole answer's body, without the token ids a gateway that asks for them keeps to itself.</summary>
    public static int BodyBytes(Answer answer) => answer == Answer.Json ? 1024 : Events * (Event(1).Length - "[1001]".Length);

    public static async Task<BenchEngines> StartAsync(string directory, CancellationToken cancellation)
    {
        int[] ports = [FreePort.Next(), FreePort.Next()];
        string file = Path.Combine(directory, "engines.conf");
        await File.WriteAllTextAsync(file, Configuration(directory, ports), cancellation);
        return new BenchEngines(await PinnedProcess.StartListeningAsync("the engines", Cores.Load, "nginx", ["-c", file], ports, cancellation), ports);
    }

    public double CpuSeconds() => _nginx.CpuSeconds();

    public void Dispose() => _nginx.Dispose();

    private static string Configuration(string directory, int[] ports) => $$"""
        load_module {{NeededTools.EchoModule}};
        {{NginxProxy.Common(directory, "engines")}}
          default_type application/json;
          map $http_{{AnswerHeader.ToLowerInvariant().Replace('-', '_')}} $answer { default json; sse sse; paced paced; {{LongAnswer}} {{LongAnswer}}; }
          server {
            listen 127.0.0.1:{{ports[0]}} backlog=4096;
            listen 127.0.0.1:{{ports[1]}} backlog=4096;
            location = /health { return 200 ''; }
            location = /version { return 200 '{"version":"0.11.0"}'; }
            location = /v1/models { return 200 '{"object":"list","data":[{"id":"{{Model}}","object":"model","created":1760000000,"owned_by":"vllm","root":"{{Model}}","parent":null,"max_model_len":131072}]}'; }
            location = /metrics { default_type text/plain; return 200 '{{Metrics}}'; }
            location = /v1/chat/completions { rewrite ^ /answer/$answer last; }
            location = /answer/json { internal; return 200 '{{Completion()}}'; }
            location = /answer/sse { internal; {{Stream(pause: null)}} }
            location = /answer/paced { internal; {{Stream("0.01")}} }
            location = /answer/{{LongAnswer}} { internal; {{Stream("0.4")}} }
          }
        }
        """;

    private const string Metrics =
        $"vllm:num_requests_running{{model_name=\"{Model}\"}} 0\\n" +
        $"vllm:num_requests_waiting{{model_name=\"{Model}\"}} 0\\n" +
        $"vllm:kv_cache_usage_perc{{model_name=\"{Model}\"}} 0.1\\n" +
        $"vllm:cache_config_info{{block_size=\"16\",num_gpu_blocks=\"32768\"}} 1\\n";

    private static string Completion()
    {
        string head = $$"""{"id":"{{Id}}","object":"chat.completion","created":1760000000,"model":"{{Model}}","choices":[{"index":0,"message":{"role":"assistant","content":" """.TrimEnd();
        string tail = $$"""
            "},"logprobs":null,"finish_reason":"stop","stop_reason":null}],"usage":{{Usage}},"prompt_logprobs":null}
            """.Trim();
        var text = new StringBuilder(head);
        while (text.Length + tail.Length < 1024)
            text.Append(" word"[text.Length % 5]);
        return text.Append(tail).ToString();
    }

    /// <summary>Each event is a write of its own; the body of the request is read first, as an engine does.</summary>
    private static string Stream(string? pause)
    {
        var text = new StringBuilder("default_type text/event-stream; echo_read_request_body;\n");
        for (int i = 0; i < Events; i++)
        {
            text.Append($"echo '{Event(i).Replace("\n", "\\n")[..^2]}'; echo_flush;");
            text.Append(pause is null ? "\n" : $" echo_sleep {pause};\n");
        }
        return text.Append($$"""
            echo 'data: {"id":"{{Id}}","object":"chat.completion.chunk","created":1760000000,"model":"{{Model}}","choices":[],"usage":{{Usage}}}\n\ndata: [DONE]\n';
            """).ToString();
    }

    private const string Usage = """{"prompt_tokens":50,"total_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":16}}""";

    private static string Event(int i) => $$"""
        data: {"id":"{{Id}}","object":"chat.completion.chunk","created":1760000000,"model":"{{Model}}","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":{{(i == Events - 1 ? "\"stop\"" : "null")}},"token_ids":[{{1_000 + i}}]}]{{(i == 0 ? $",\"prompt_token_ids\":[{string.Join(',', Enumerable.Range(100, 50))}]" : "")}}}
        """ + "\n\n";
}
