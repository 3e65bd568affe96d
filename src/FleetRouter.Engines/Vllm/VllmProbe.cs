using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Engines.Vllm;

/// <summary>Asks a vLLM server how it is: <c>GET /health</c>, <c>/v1/models</c>, <c>/metrics</c>, one after the other so
/// that a probe needs one connection. A server without <c>/metrics</c> (404) is healthy; its figures are null.</summary>
public sealed class VllmProbe : IEngineProbe
{
    private const int MaxHealthBytes = 64 << 10;
    private const int MaxModelsBytes = 4 << 20;   // some 10,000 adapters
    private const int MaxMetricsBytes = 16 << 20; // some 500 times a page of vLLM 0.28

    private readonly HttpMessageInvoker _http;
    private readonly AuthenticationHeaderValue? _authorization;

    /// <summary>A probe that sends through <paramref name="http"/>, which stays the caller's to dispose.</summary>
    /// <param name="http">Any invoker, an <see cref="HttpClient"/> included; redirects need not be followed.</param>
    /// <param name="engineApiKey">Key the engines were started with (<c>--api-key</c>); sent as a bearer token, never logged.</param>
    public VllmProbe(HttpMessageInvoker http, string? engineApiKey = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        _http = http;
        _authorization = string.IsNullOrEmpty(engineApiKey) ? null : new AuthenticationHeaderValue("Bearer", engineApiKey);
    }

    /// <inheritdoc/>
    public async Task<EngineReport> ProbeAsync(Uri address, CancellationToken cancellation)
    {
        await AskAsync(address, "/health", MaxHealthBytes, static _ => true, cancellation).ConfigureAwait(false);
        var models = await AskAsync(address, "/v1/models", MaxModelsBytes, ModelList.Read, cancellation).ConfigureAwait(false);
        var metrics = await AskAsync(address, "/metrics", MaxMetricsBytes, static page => VllmMetrics.Read(page.Span), cancellation,
            notFound: default(VllmMetrics)).ConfigureAwait(false);
        return new EngineReport(models!, metrics.Running, metrics.Waiting, metrics.KvUsage, metrics.KvCapacityTokens,
            metrics.PrefixQueryTokens, metrics.PrefixHitTokens, metrics.StartedAtSeconds);
    }

    private async Task<T> AskAsync<T>(Uri address, string path, int maxBytes, Func<ReadOnlyMemory<byte>, T> read,
        CancellationToken cancellation, T? notFound = default)
    {
        var url = new Uri(address, path);
        EngineUnhealthyException Unhealthy(string trouble, Exception? inner = null) =>
            new($"GET {url.GetLeftPart(UriPartial.Path)}: {OneLine(trouble)}", inner);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.Authorization = _authorization;
            using var response = await SendAsync(request, cancellation).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.NotFound && path == "/metrics") return notFound!;
            if (!response.IsSuccessStatusCode) throw Unhealthy(Describe(response.StatusCode));
            return await ReadBoundedAsync(response.Content, maxBytes, read, cancellation).ConfigureAwait(false)
                is (true, var answer) ? answer : throw Unhealthy($"the answer is larger than {maxBytes:N0} bytes");
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException timeout)
        {
            throw Unhealthy("no answer in time", timeout);
        }
        catch (JsonException garbage)
        {
            throw Unhealthy($"the answer is no model list: {garbage.Message}", garbage);
        }
        catch (Exception trouble) when (trouble is HttpRequestException or IOException or InvalidOperationException or NotSupportedException)
        {
            throw Unhealthy(trouble.InnerException is System.Net.Sockets.SocketException socket ? socket.Message : trouble.Message, trouble);
        }
    }

    // HttpClient would read the whole body, bounded only by memory, unless told otherwise.
    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation) =>
        _http is HttpClient client
            ? client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation)
            : _http.SendAsync(request, cancellation);

    private static async Task<(bool Fits, T Answer)> ReadBoundedAsync<T>(HttpContent content, int maxBytes,
        Func<ReadOnlyMemory<byte>, T> read, CancellationToken cancellation)
    {
        if (content.Headers.ContentLength > maxBytes) return (false, default!);
        var body = await content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(maxBytes + 1, (int)(content.Headers.ContentLength ?? 64 << 10) + 1));
        try
        {
            for (int length = 0; ;)
            {
                int count = await body.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false);
                if (count == 0) return (true, read(buffer.AsMemory(0, length)));
                length += count;
                if (length > maxBytes) return (false, default!);
                if (length < buffer.Length) continue;
                byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Min(buffer.Length * 2, maxBytes + 1));
                buffer.AsSpan(0, length).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Describe(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => $"{(int)status} {status}: the engine wants a key; name its environment variable in engineApiKeyEnv",
        _ => $"{(int)status} {status}",
    };

    private static string OneLine(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= 300 ? line : line[..300] + "…";
    }
}
