using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Client;

/// <summary>One streamed call, ready to be sent.</summary>
internal sealed record StreamedCall(ReadOnlyMemory<byte> Body, int MaxTokens, string RequestId, string? Session, bool KeepAnswer);

/// <summary>
/// Sends streamed requests and times their tokens. No limit on connections: the replay is an open loop. Nothing thrown
/// by the network leaves here; it becomes the record's kind of failure.
/// </summary>
internal sealed class StreamingClient : IDisposable
{
    private const int LongestErrorBody = 64 * 1024;
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly Uri _uri;
    private readonly AuthenticationHeaderValue? _authorization;
    private readonly TimeSpan _timeout;
    private readonly GapHistogram _gaps;
    private readonly RunClock _clock;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        MaxConnectionsPerServer = int.MaxValue,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        ConnectTimeout = TimeSpan.FromSeconds(10),
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        ActivityHeadersPropagator = null,
    });

    public StreamingClient(Target target, Endpoint endpoint, string? apiKey, TimeSpan timeout, GapHistogram gaps, RunClock clock)
    {
        _uri = new Uri(target.Address, endpoint == Endpoint.Chat ? "/v1/chat/completions" : "/v1/completions");
        _authorization = apiKey is null ? null : new AuthenticationHeaderValue("Bearer", apiKey);
        (_timeout, _gaps, _clock) = (timeout, gaps, clock);
    }

    /// <summary>
    /// Runs every step of a call once without timing it, so that the first requests do not wait for the compiler. What
    /// the target answers does not matter: trouble will show in the calls themselves.
    /// </summary>
    public async Task WarmUp(CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2), _clock.Provider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stop);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_uri, "/v1/models"));
            request.Headers.Authorization = _authorization;
            using var response = await _http.SendAsync(request, either.Token).ConfigureAwait(false);
            await response.Content.CopyToAsync(Stream.Null, either.Token).ConfigureAwait(false);
            using var answer = new ByteArrayContent([.. "data: {\"choices\":[{\"delta\":{\"content\":\"warm\"}}],\"usage\":null}\n\ndata: [DONE]\n\n"u8]);
            await new AnswerStream(new RequestRecord { Scheduled = default }, null, new GapHistogram(), _clock).Read(answer, 1, either.Token).ConfigureAwait(false);
        }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException or OperationCanceledException) { }
    }

    /// <summary>Sends a call, reads its whole answer and fills the record.</summary>
    /// <returns>The answer's text where the call asks to keep it, else null.</returns>
    public async Task<string?> Send(StreamedCall call, RequestRecord record, CancellationToken stop)
    {
        using var timeout = new CancellationTokenSource(_timeout, _clock.Provider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        var answer = call.KeepAnswer ? new StringBuilder() : null;
        try
        {
            using var request = RequestOf(call);
            record.Sent = _clock.Now;
            using var response = await _http.SendAsync(request, either.Token).ConfigureAwait(false);
            record.Instance = InstanceOf(response.Headers);
            if (response.IsSuccessStatusCode)
                await new AnswerStream(record, answer, _gaps, _clock).Read(response.Content, call.MaxTokens, either.Token).ConfigureAwait(false);
            else
                record.Failure = await Refusal(response, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { record.Unfinished = true; }
        catch (OperationCanceledException) { record.Failure = "timeout"; }
        catch (HttpRequestException wrong) when (wrong.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
        {
            record.Failure = "connect";
        }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException)
        {
            // Before the header: the connection was closed on us. After it: the answer was cut.
            record.Failure = record.HeaderSeen ? "cut" : "no_answer";
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidDataException or InvalidOperationException) { record.Failure = "malformed"; }
        if (record.End == TimeSpan.Zero) record.End = _clock.Now;
        return answer?.ToString();
    }

    private HttpRequestMessage RequestOf(StreamedCall call)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, _uri) { Content = new ReadOnlyMemoryContent(call.Body) };
        request.Content.Headers.ContentType = Json;
        request.Headers.TryAddWithoutValidation("X-Request-Id", call.RequestId);
        if (call.Session is not null) request.Headers.TryAddWithoutValidation("x-session-id", call.Session);
        request.Headers.Authorization = _authorization;
        return request;
    }

    private static string InstanceOf(HttpResponseHeaders headers)
    {
        static string? First(HttpResponseHeaders headers, string name) =>
            headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;
        if (First(headers, "x-gateway-destination-endpoint-served") is { Length: > 0 } served) return served;
        if (First(headers, "x-inference-pod") is not { Length: > 0 } pod) return RequestRecord.UnknownInstance;
        return First(headers, "x-inference-port") is { Length: > 0 } port ? $"{pod}:{port}" : pod;
    }

    private static async Task<string> Refusal(HttpResponseMessage response, CancellationToken stop)
    {
        using var body = new MemoryStream();
        var stream = await response.Content.ReadAsStreamAsync(stop).ConfigureAwait(false);
        var part = new byte[4096];
        while (body.Length < LongestErrorBody && await stream.ReadAsync(part, stop).ConfigureAwait(false) is > 0 and var read) body.Write(part, 0, read);
        var status = $"http_{(int)response.StatusCode}";
        return AnswerChunk.ErrorOf(body.GetBuffer().AsSpan(0, (int)body.Length)) is { } name ? $"{status} {name}" : status;
    }

    public void Dispose() => _http.Dispose();
}
