using System.Net;
using System.Text;
using System.Text.Json;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.LoadGen.Chaos;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Orleans.Tests.Versions;

/// <summary>Who asks gateways, and knows what the stand-ins answer.</summary>
internal sealed class ClusterClients : IDisposable
{
    private const string Model = "sim/llama-3.1-8b";
    private const string ServedBy = "x-gateway-destination-endpoint-served";
    private const int Tokens = 12;
    private static readonly HttpStatusCode[] BudgetRefused = [HttpStatusCode.TooManyRequests, HttpStatusCode.ServiceUnavailable];

    private int _asked;

    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromSeconds(2) }) { Timeout = TimeSpan.FromMinutes(1) };

    /// <summary>A question nobody asked before, whose answer is as it has to be.</summary>
    /// <returns>The engine that answered.</returns>
    public async Task<string> ChatAsync(GatewayProcess gateway, string key)
    {
        int number = Interlocked.Increment(ref _asked);
        (string engine, string text) = await TextAsync(await BeginAsync(gateway, "/v1/chat/completions", key, Chat($"Question {number}?", Tokens, number % 2 == 0)));
        Assert.Equal(Expected(Tokens, $"Question {number}?"), text);
        return engine;
    }

    /// <summary>Begins an answer of so many tokens, of which each comes as it is made.</summary>
    public async Task<LongAnswer> BeginLongAsync(GatewayProcess gateway, string key, int tokens) =>
        new(await BeginAsync(gateway, "/v1/chat/completions", key, Chat("At length?", tokens, true)), tokens);

    /// <summary>Begins a conversation.</summary>
    public Conversation Converse(string key) => new(this, key);

    /// <summary>Spends through the gateways in turn until neither has anything left; the tokens that cost.</summary>
    public async Task<long> SpendAllAsync(string key, params GatewayProcess[] gateways)
    {
        long spent = 0;
        using var late = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        for (int number = 0, refused = 0; refused < gateways.Length; number++)
        {
            using HttpResponseMessage answer = await BeginAsync(gateways[number % gateways.Length], "/v1/chat/completions", key, Chat($"{key} {number}", Tokens, false), BudgetRefused);
            JsonElement body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
            if (answer.IsSuccessStatusCode)
                spent += body.GetProperty("usage").GetProperty("total_tokens").GetInt64();
            string? code = answer.IsSuccessStatusCode ? null : body.GetProperty("error").GetProperty("code").GetString();
            refused = code == "insufficient_quota" ? refused + 1 : 0;
            Assert.False(late.IsCancellationRequested, $"the last word on tenant {key}'s budget is {code ?? "that something is left"}");
            if (code == "budget-unavailable")   // where the account was on a silo that has just been lost
                await Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None);
        }
        return spent;
    }

    public async Task<MetricsReading> MetricsAsync(GatewayProcess gateway) => MetricsReading.Of(await Http.GetStringAsync(new Uri(gateway.Address, "/metrics")));

    public void Dispose() => Http.Dispose();

    private static string Chat(string question, int tokens, bool stream) => JsonSerializer.Serialize(new
    {
        model = Model, messages = new[] { new { role = "user", content = question } }, max_tokens = tokens, ignore_eos = true, stream,
    });

    /// <summary>What a stand-in answers to a conversation.</summary>
    private static string Expected(int tokens, params IReadOnlyList<string> said) => SyntheticAnswer.To(ChatPrompt.Render(
        [.. said.Select((text, i) => new ChatMessage(i % 2 == 0 ? "user" : "assistant", text))], true, false, null).Tokens).Text(0, tokens);

    private async Task<HttpResponseMessage> BeginAsync(GatewayProcess gateway, string path, string key, string json, params HttpStatusCode[] orElse)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway.Address, path)) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        request.Headers.Add("x-api-key", key);
        HttpResponseMessage answer = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (answer.StatusCode != HttpStatusCode.OK && !orElse.Contains(answer.StatusCode))
            Assert.Fail($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        return answer;
    }

    /// <summary>The text of a chat's answer, streamed or not, and who gave it.</summary>
    private static async Task<(string Engine, string Text)> TextAsync(HttpResponseMessage answer)
    {
        using HttpResponseMessage _ = answer;
        string engine = answer.Headers.GetValues(ServedBy).Single(), body = await answer.Content.ReadAsStringAsync();
        if (answer.Content.Headers.ContentType?.MediaType != "text/event-stream")
            return (engine, JsonDocument.Parse(body).RootElement.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!);
        string[] data = [.. body.Split('\n').Where(line => line.StartsWith(Data, StringComparison.Ordinal))];
        Assert.Equal(Data + "[DONE]", data[^1]);
        return (engine, string.Concat(data[..^1].Select(DeltaOf)));
    }

    private const string Data = "data: ";

    /// <summary>The text of one event of a streamed chat.</summary>
    private static string? DeltaOf(string line) => JsonDocument.Parse(line[Data.Length..]).RootElement.GetProperty("choices") is var choices && choices.GetArrayLength() > 0
        && choices[0].GetProperty("delta").TryGetProperty("content", out JsonElement text) ? text.GetString() : "";

    /// <summary>A streamed answer that is read as it comes.</summary>
    internal sealed class LongAnswer : IDisposable
    {
        private readonly HttpResponseMessage _answer;
        private readonly int _tokens;
        private readonly StringBuilder _text = new();

        public LongAnswer(HttpResponseMessage answer, int tokens)
        {
            (_answer, _tokens) = (answer, tokens);
            Whole = Task.Run(ReadAsync);
        }

        public string Engine => _answer.Headers.GetValues(ServedBy).Single();

        /// <summary>Ends when it has come whole, word for word.</summary>
        public Task Whole { get; }

        /// <summary>Waits until more of it has come than has by now, word for word.</summary>
        public async Task GoesOnAsync()
        {
            int now = SoFar.Length;
            string text = await Eventually.Is(() => Whole.IsFaulted ? throw Whole.Exception : Task.FromResult(SoFar), t => t.Length > now + 400);
            Assert.Equal(Expected(text.Length / 4, "At length?"), text);
        }

        public void Dispose() => _answer.Dispose();

        private string SoFar
        {
            get
            {
                lock (_text)
                    return _text.ToString();
            }
        }

        private async Task ReadAsync()
        {
            using var reader = new StreamReader(await _answer.Content.ReadAsStreamAsync());
            string last = "";
            while (await reader.ReadLineAsync() is { } line)
            {
                if (line.StartsWith(Data + "{", StringComparison.Ordinal))
                    lock (_text)
                        _text.Append(DeltaOf(line));
                last = line.Length > 0 ? line : last;
            }
            Assert.Equal((Expected(_tokens, "At length?"), Data + "[DONE]"), (SoFar, last));
        }
    }

    /// <summary>A conversation that goes on by the id of its last answer, through any gateway.</summary>
    internal sealed class Conversation(ClusterClients clients, string key)
    {
        private readonly List<string> _said = [];
        private string? _last;

        /// <summary>One turn, whose answer is that to all that was said.</summary>
        /// <returns>The engine that answered.</returns>
        public async Task<string> GoOnAsync(GatewayProcess gateway)
        {
            _said.Add($"Turn {_said.Count}, " + new string('x', 2_000));
            string body = JsonSerializer.Serialize(new { model = Model, input = _said[^1], previous_response_id = _last, max_output_tokens = Tokens });
            using HttpResponseMessage answer = await clients.BeginAsync(gateway, "/v1/responses", key, body);
            JsonElement response = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
            string text = response.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString()!;
            Assert.Equal(Expected(Tokens, _said), text);
            _said.Add(text);
            _last = response.GetProperty("id").GetString();
            return answer.Headers.GetValues(ServedBy).Single();
        }
    }
}
