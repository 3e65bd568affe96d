using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using FleetRouter.LoadGen.Client;
using FleetRouter.Simulation.Text;
using FleetRouter.Simulation.Workloads;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>A tenant with a budget of tokens that spends it through all gateways at once, as fast as it is let, and counts what it got: half of it in
/// streams, those that were cut included.</summary>
/// <param name="gateways">Their addresses.</param>
/// <param name="model">The model to ask for.</param>
/// <param name="seed">Seed of its prompts.</param>
/// <param name="abreast">Requests under way through each gateway.</param>
/// <param name="clock">The run's.</param>
internal sealed class BudgetSpender(IReadOnlyList<Uri> gateways, string model, ulong seed, int abreast, RunClock clock) : IDisposable
{
    /// <summary>What it may spend in a window. Used up in about half of it, so that a gateway that starts again meets both.</summary>
    public const long Budget = 10_000;
    public static readonly TimeSpan Per = TimeSpan.FromSeconds(10);

    /// <summary>Key of the users who have no budget.</summary>
    public const string UsersKey = "users";

    private const string Key = "spender";

    /// <summary>Pauses after a refusal and after a failure: to press on, not to drown a gateway that refuses or begins.</summary>
    private static readonly TimeSpan AfterRefusal = TimeSpan.FromMilliseconds(100), AfterFailure = TimeSpan.FromMilliseconds(500);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromSeconds(5) }) { Timeout = TimeSpan.FromSeconds(60) };
    private readonly ConcurrentBag<PaidAnswer> _paid = [];
    private int _asked, _refused, _cut;

    /// <summary>The tenant and the users, as a gateway's configuration names them.</summary>
    public static string Configuration { get; } = string.Create(CultureInfo.InvariantCulture, $"""
        apiKeys:
          - name: users
            sha256: {Hash(UsersKey)}
        tenants:
          - name: spender
            tokens: {Budget}
            per: {Per.TotalSeconds}s
            apiKeys:
              - name: spender
                sha256: {Hash(Key)}

        """);

    /// <summary>What it got.</summary>
    public IReadOnlyCollection<PaidAnswer> Paid => _paid;

    /// <summary>Requests refused with 429 since the budget was used up.</summary>
    public int Refused => _refused;

    /// <summary>Answers that began and broke off.</summary>
    public int Cut => _cut;

    /// <summary>Other answers than these, which there should be none of.</summary>
    public ConcurrentBag<string> Strange { get; } = [];

    /// <summary>Spends until it is told to stop; what has begun is ended.</summary>
    public async Task Run(CancellationToken enough, CancellationToken stop) => await Task.WhenAll(gateways.SelectMany(gateway => Enumerable.Range(0, abreast).Select(_ => Task.Run(async () =>
    {
        while (!enough.IsCancellationRequested && !stop.IsCancellationRequested)
            await Task.Delay(await Ask(gateway, Interlocked.Increment(ref _asked), stop), enough).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }, CancellationToken.None))));

    /// <summary>One request.</summary>
    /// <returns>The pause before the next.</returns>
    private async Task<TimeSpan> Ask(Uri gateway, int number, CancellationToken stop)
    {
        var random = new SplitMix64(SplitMix64.Combine(~seed, (ulong)number));
        var prompt = new byte[SyntheticText.BytesPerToken * (20 + random.Below(80))];
        SyntheticText.Fill(random.Next(), prompt);
        var content = Encoding.ASCII.GetString(prompt);
        var streams = random.Below(2) == 0;
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
        {
            ["model"] = model, ["messages"] = new[] { new { role = "user", content } }, ["max_tokens"] = 20 + random.Below(80), ["stream"] = streams,
        });
        var sent = clock.Provider.GetUtcNow();
        PaidAnswer? got = null;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway, "/v1/chat/completions")) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Key);
            using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            var begun = clock.Provider.GetUtcNow();
            if (!answer.IsSuccessStatusCode)
            {
                var error = await answer.Content.ReadAsStringAsync(stop);
                if ((int)answer.StatusCode == 429 && error.Contains("insufficient_quota", StringComparison.Ordinal)) Interlocked.Increment(ref _refused);
                else if ((int)answer.StatusCode is not (429 or 503)) Strange.Add($"the tenant's request was answered {(int)answer.StatusCode}: {error.ReplaceLineEndings(" ")}");
                return AfterRefusal;
            }
            got = new PaidAnswer(sent, begun, ChatPrompt.Render([new ChatMessage("user", content)]).Tokens.Length);   // an answer has begun, so its prompt was computed
            if (!streams)
            {
                got = got.Value with { Tokens = Usage(await answer.Content.ReadAsByteArrayAsync(stop)) };
                return TimeSpan.Zero;
            }
            await using var stream = await answer.Content.ReadAsStreamAsync(stop);
            var reader = new SseReader();
            while (await stream.ReadAsync(reader.Free, stop) is > 0 and var bytes)
            {
                reader.Filled(bytes);
                while (reader.TryRead(out var data, out _))
                {
                    if (data.SequenceEqual("[DONE]"u8)) return TimeSpan.Zero;
                    var text = new StringBuilder();
                    AnswerChunk.Read(data, text);
                    got = got.Value with { Tokens = got.Value.Tokens + text.Length / SyntheticText.BytesPerToken };
                }
            }
        }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException or OperationCanceledException)
        {
            // Its gateway was killed, or froze.
        }
        finally
        {
            if (got is { } paid) _paid.Add(paid);
        }
        if (got is not null && !stop.IsCancellationRequested) Interlocked.Increment(ref _cut);
        return AfterFailure;
    }

    private static long Usage(byte[] answer)
    {
        var chunk = AnswerChunk.Read(answer, null);
        return (chunk.PromptTokens ?? 0) + (chunk.CompletionTokens ?? 0);
    }

    private static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    public void Dispose() => _http.Dispose();
}
