using System.Net.Http.Headers;
using System.Text.Json;
using FleetRouter.LoadGen.Client;
using FleetRouter.LoadGen.Measures;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>Sends requests and judges their answers, every token of them.</summary>
/// <param name="address">The gateway.</param>
/// <param name="patience">Time after which a request counts as lost.</param>
/// <param name="gaps">Where times between two pieces of text go.</param>
/// <param name="clock">The run's clock.</param>
internal sealed class ChaosClient(Uri address, TimeSpan patience, GapHistogram gaps, RunClock clock) : IDisposable
{
    private const string ServedBy = "x-gateway-destination-endpoint-served";
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        MaxConnectionsPerServer = int.MaxValue,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ActivityHeadersPropagator = null,
    });

    public async Task<Verdict> Send(ChaosRequest request, CancellationToken stop)
    {
        using var timeout = new CancellationTokenSource(patience, clock.Provider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stop);
        var verdict = new Verdict { Request = request, Sent = clock.Now };
        try
        {
            using var message = MessageOf(request);
            using var response = await _http.SendAsync(message, either.Token).ConfigureAwait(false);
            if (response.Headers.NonValidated.TryGetValues(ServedBy, out var served)) verdict = verdict with { Instance = served.ToString() };
            verdict = response.IsSuccessStatusCode
                ? request.Streams ? await Streamed(verdict, response.Content, either.Token).ConfigureAwait(false) : await Whole(verdict, response.Content, either.Token).ConfigureAwait(false)
                : await Refused(verdict, response, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            verdict = verdict with { ClientError = FormattableString.Invariant($"no answer within {patience.TotalSeconds:0} s") };
        }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException)
        {
            verdict = verdict with { ClientError = $"connection: {wrong.Message}" };
        }
        return verdict with { Ended = clock.Now };
    }

    private HttpRequestMessage MessageOf(ChaosRequest request)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, new Uri(address, request.Path)) { Content = new ByteArrayContent(request.Body) };
        message.Content.Headers.ContentType = Json;
        message.Headers.TryAddWithoutValidation("x-request-id", $"chaos-{request.Number}");
        if (request.Session is not null) message.Headers.TryAddWithoutValidation("x-session-id", request.Session);
        return message;
    }

    private async Task<Verdict> Streamed(Verdict verdict, HttpContent content, CancellationToken stop)
    {
        var request = verdict.Request;
        var reading = new AnswerReading(request);
        var events = new SseReader();
        string? trouble = null;
        var left = false;
        TimeSpan? last = null;
        try
        {
            var stream = await content.ReadAsStreamAsync(stop).ConfigureAwait(false);
            while (!left && await stream.ReadAsync(events.Free, stop).ConfigureAwait(false) is > 0 and var read)
            {
                events.Filled(read);
                while (!left && events.TryRead(out var data, out var name))
                {
                    if (!reading.Take(data, name)) continue;
                    var now = clock.Now;
                    if (last is { } before)
                    {
                        gaps.Add(now - before);
                        if (now - before > verdict.LargestGap) verdict = verdict with { LargestGap = now - before };
                    }
                    else
                    {
                        verdict = verdict with { FirstToken = now - verdict.Sent };
                    }
                    last = now;
                    left = reading.Tokens >= request.CancelAfter;
                }
            }
        }
        catch (OperationCanceledException) { trouble = $"no end within {patience.TotalSeconds:0} s"; }
        catch (Exception wrong) when (wrong is HttpRequestException or IOException) { trouble = $"connection: {wrong.Message}"; }
        return Judged(verdict with { Text = reading.Text, Cancelled = left }, reading, trouble);
    }

    private static Verdict Judged(Verdict verdict, AnswerReading reading, string? trouble)
    {
        var request = verdict.Request;
        var whole = false;
        if (reading.Error is { } error)
        {
            var byName = !request.Resumable && error.IsByName && !reading.LooksComplete;
            verdict = verdict with { RefusedByName = byName, ClientError = byName ? null : $"error event {error.Code}, retryable {error.Retryable}{(reading.LooksComplete ? ", beside an end that looks complete" : "")}: {error.Message}" };
        }
        else if (trouble is not null)
        {
            verdict = verdict with { ClientError = trouble };
        }
        else if (!verdict.Cancelled)
        {
            whole = true;
            reading.End();
        }
        return verdict with { Malformed = reading.Malformed, Difference = TextDifference.Of(request.Expected.Text, reading.Text, whole) };
    }

    private static async Task<Verdict> Whole(Verdict verdict, HttpContent content, CancellationToken stop)
    {
        var (text, malformed) = WholeAnswer.Read(verdict.Request, await content.ReadAsByteArrayAsync(stop).ConfigureAwait(false));
        return verdict with { Text = text, Malformed = malformed, Difference = TextDifference.Of(verdict.Request.Expected.Text, text, whole: true) };
    }

    private static async Task<Verdict> Refused(Verdict verdict, HttpResponseMessage response, CancellationToken stop)
    {
        var body = await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false);
        AnswerError? error = null;
        try
        {
            using var document = JsonDocument.Parse(body);
            error = AnswerError.Of(document.RootElement);
        }
        catch (JsonException)
        {
            // No error that names itself.
        }
        return !verdict.Request.Resumable && error is { IsByName: true }
            ? verdict with { RefusedByName = true }
            : verdict with { ClientError = $"status {(int)response.StatusCode} {error?.Code}: {error?.Message}" };
    }

    public void Dispose() => _http.Dispose();
}
