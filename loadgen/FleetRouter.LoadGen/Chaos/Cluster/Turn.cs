using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using FleetRouter.LoadGen.Client;

namespace FleetRouter.LoadGen.Chaos.Cluster;

/// <summary>What came of one call of <c>/v1/responses</c>.</summary>
/// <param name="Id">Id of the answer; null without one.</param>
/// <param name="Text">Its text.</param>
/// <param name="InputTokens">Tokens of the whole conversation before it.</param>
/// <param name="CachedTokens">Those of them found in a cache.</param>
/// <param name="Trouble">What went wrong; null if it was answered whole.</param>
/// <param name="Status">Status of the answer; 0 without one.</param>
internal sealed record TurnAnswer(string? Id, string Text, int InputTokens, int CachedTokens, string? Trouble, int Status)
{
    public static TurnAnswer Failed(string trouble, int status = 0) => new(null, "", 0, 0, trouble, status);

    /// <summary>Whether a client library asks again by itself.</summary>
    public bool IsRetryable => Trouble is not null && Status is 0 or 408 or 409 or 429 or >= 500;
}

/// <summary>Calls of <c>/v1/responses</c>, told by their bytes.</summary>
internal sealed class TurnCalls : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.FromSeconds(5) }) 
    {
        Timeout = TimeSpan.FromSeconds(60), DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", BudgetSpender.UsersKey) },
    };

    /// <summary>Asks for one answer.</summary>
    public async Task<TurnAnswer> Ask(Uri gateway, string model, string input, string? previous, int mostTokens, bool streams, CancellationToken stop)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object?>
        {
            ["model"] = model, ["input"] = input, ["previous_response_id"] = previous, ["max_output_tokens"] = mostTokens, ["stream"] = streams, ["temperature"] = 0,
        });
        var isBegun = false;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(gateway, "/v1/responses")) { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            var status = (int)answer.StatusCode;
            if (status != 200) return TurnAnswer.Failed(await answer.Content.ReadAsStringAsync(stop), status);
            isBegun = true;
            return streams ? await ReadStream(answer, stop) : Read(await answer.Content.ReadAsByteArrayAsync(stop));
        }
        // Libraries do not ask again once an answer has begun.
        catch (Exception wrong) when (wrong is HttpRequestException or IOException || wrong is OperationCanceledException && !stop.IsCancellationRequested)
        {
            return TurnAnswer.Failed(wrong.Message, isBegun ? 200 : 0);
        }
    }

    /// <summary>The text of a kept answer; null if there is none, or no word of it.</summary>
    public async Task<string?> Retrieve(Uri gateway, string id, CancellationToken stop)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(gateway, "/v1/responses/" + id), stop);
            return answer.IsSuccessStatusCode ? Read(await answer.Content.ReadAsByteArrayAsync(stop)).Text : null;
        }
        catch (HttpRequestException) { return null; }
    }

    private static async Task<TurnAnswer> ReadStream(HttpResponseMessage answer, CancellationToken stop)
    {
        await using var stream = await answer.Content.ReadAsStreamAsync(stop);
        var reader = new SseReader();
        while (await stream.ReadAsync(reader.Free, stop) is > 0 and var bytes)
        {
            reader.Filled(bytes);
            while (reader.TryRead(out var data, out var name))
                if (name.SequenceEqual("response.completed"u8) || name.SequenceEqual("response.incomplete"u8))
                {
                    using var final = JsonDocument.Parse(data.ToArray());
                    return Read(final.RootElement.GetProperty("response"));
                }
                else if (name.SequenceEqual("error"u8) || name.SequenceEqual("response.failed"u8))
                    return TurnAnswer.Failed(Encoding.UTF8.GetString(data), 200);
        }
        return TurnAnswer.Failed("the stream ended before the answer did", 200);
    }

    private static TurnAnswer Read(byte[] json)
    {
        using var whole = JsonDocument.Parse(json);
        return Read(whole.RootElement);
    }

    private static TurnAnswer Read(JsonElement response)
    {
        var text = string.Concat(response.GetProperty("output").EnumerateArray().Where(item => item.TryGetProperty("content", out _))
            .SelectMany(item => item.GetProperty("content").EnumerateArray()).Select(part => part.TryGetProperty("text", out var said) ? said.GetString() : ""));
        int input = 0, cached = 0;
        if (response.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
        {
            input = usage.GetProperty("input_tokens").GetInt32();
            cached = usage.TryGetProperty("input_tokens_details", out var details) && details.ValueKind == JsonValueKind.Object && details.TryGetProperty("cached_tokens", out var found) && found.ValueKind == JsonValueKind.Number ? found.GetInt32() : 0;
        }
        return new TurnAnswer(response.GetProperty("id").GetString(), text, input, cached, null, 200);
    }

    public void Dispose() => _http.Dispose();
}
