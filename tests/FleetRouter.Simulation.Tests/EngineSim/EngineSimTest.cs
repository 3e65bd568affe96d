using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using FleetRouter.EngineSim;
using FleetRouter.Simulation.Text;

namespace FleetRouter.Simulation.Tests.EngineSim;

/// <summary>One running engine and a client for it; engine time runs fast.</summary>
public abstract class EngineSimTest : IAsyncLifetime
{
    private EngineFleet? _fleet;

    protected virtual EngineSimOptions Options => new() { TimeScale = 50 };

    protected EngineInstance Engine => _fleet!.Instances[0];

    protected HttpClient Client { get; } = new() { Timeout = TimeSpan.FromSeconds(60) };

    public async ValueTask InitializeAsync()
    {
        _fleet = await EngineFleet.StartAsync(Options);
        Client.BaseAddress = Engine.Address;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _fleet!.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected static object Chat(string content, int? maxTokens = null, bool stream = false) => new
    {
        model = "sim/llama-3.1-8b", messages = new[] { new { role = "user", content } }, max_tokens = maxTokens, ignore_eos = maxTokens is not null, stream,
    };

    /// <summary>The answer every engine gives to a chat of one user message.</summary>
    protected static SyntheticAnswer AnswerTo(string content) => SyntheticAnswer.To(ChatPrompt.Render([new("user", content)]).Tokens);

    protected async Task<(int Status, JsonElement Body)> PostAsync(string path, object body)
    {
        using var response = await Client.PostAsJsonAsync(path, body);
        return ((int)response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }

    protected async Task<(int Status, JsonElement Body)> PostRawAsync(string path, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await Client.PostAsync(path, content);
        return ((int)response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>());
    }

    protected async Task<HttpResponseMessage> StartStreamAsync(string path, object body, CancellationToken cancelled = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancelled);
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        return response;
    }

    /// <summary>The data lines of a stream, [DONE] included.</summary>
    protected static async IAsyncEnumerable<string> EventsAsync(HttpResponseMessage response)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
                yield return line["data: ".Length..];
        }
    }

    /// <summary>All chunks of a stream that ends properly.</summary>
    protected async Task<List<JsonElement>> StreamAsync(string path, object body)
    {
        using var response = await StartStreamAsync(path, body);
        var lines = await EventsAsync(response).ToListAsync();
        Assert.Equal("[DONE]", lines[^1]);
        return [.. lines[..^1].Select(line => JsonElement.Parse(line))];
    }

    /// <summary>The content of chat chunks, joined.</summary>
    protected static string TextOf(IEnumerable<JsonElement> chunks) => string.Concat(chunks
        .Where(chunk => chunk.GetProperty("choices").GetArrayLength() > 0)
        .Select(chunk => chunk.GetProperty("choices")[0].GetProperty("delta"))
        .Select(delta => delta.TryGetProperty("content", out var content) ? content.GetString() : ""));
}
