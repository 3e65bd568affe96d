using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using FleetRouter.Domain.Fleet;
using FleetRouter.Gateway.Forwarding;
using FleetRouter.Hosting;

namespace FleetRouter.Gateway.Resuming;

/// <summary>Calls of the router's own to engines, on behalf of a request whose answer YARP carries already.</summary>
internal sealed class EngineCalls(HttpMessageInvoker engines)
{
    /// <summary>What came of a call: a stream of events, or why there is none.</summary>
    public readonly record struct Opened(Stream? Events, AttemptFailure Failure, string Trouble);

    /// <summary>Asks an engine to go on with an answer.</summary>
    /// <param name="attempt">The request's tries: with which headers.</param>
    /// <param name="to">Where.</param>
    /// <param name="id">The engine's id of this call.</param>
    /// <param name="path">Path of the call.</param>
    /// <param name="body">Its body.</param>
    /// <param name="cancellation">Ends the wait for the engine's first word.</param>
    public async Task<Opened> OpenAsync(Attempt attempt, Placement to, string id, string path, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        HttpResponseMessage? response = null;
        try
        {
            response = await SendAsync(attempt, to, id, path, body, cancellation);
            if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
                return new Opened(null, AttemptFailure.EngineBusy, "503");
            if (response.StatusCode != HttpStatusCode.OK || response.Content.Headers.ContentType?.MediaType != "text/event-stream")
                return new Opened(null, AttemptFailure.Broke, $"answered {(int)response.StatusCode} to {path} in place of a stream");
            Stream events = await response.Content.ReadAsStreamAsync(cancellation);
            response = null;   // lives as long as its stream
            return new Opened(events, default, "");
        }
        catch (Exception e) when (ConnectionLoss.Is(e))
        {
            return new Opened(null, AttemptFailure.Unreachable, e.Message.ReplaceLineEndings(" "));
        }
        finally
        {
            response?.Dispose();
        }
    }

    /// <summary>Asks an engine something it knows at once, such as the text of some tokens; null where it cannot tell.</summary>
    /// <param name="attempt">The request's tries: with which headers.</param>
    /// <param name="of">Whom.</param>
    /// <param name="path">Path of the call.</param>
    /// <param name="body">Its body.</param>
    /// <param name="read">Reads the answer.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="Exception">The engine cannot be reached (<see cref="ConnectionLoss"/>).</exception>
    public async Task<T?> AskAsync<T>(
        Attempt attempt, Placement of, string path, ReadOnlyMemory<byte> body, Func<JsonElement, T?> read, CancellationToken cancellation) where T : class
    {
        using HttpResponseMessage response = await SendAsync(attempt, of, attempt.EngineRequestId, path, body, cancellation);
        if (response.StatusCode != HttpStatusCode.OK)
            return null;
        byte[] said = await response.Content.ReadAsByteArrayAsync(cancellation);
        try
        {
            using JsonDocument answer = JsonDocument.Parse(said);
            return read(answer.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Sends an engine a request under the headers of the client's own.</summary>
    /// <param name="attempt">The request's tries: with which headers.</param>
    /// <param name="to">Where.</param>
    /// <param name="id">The engine's id of this call.</param>
    /// <param name="path">Path of the call.</param>
    /// <param name="body">Its body.</param>
    /// <param name="cancellation">Ends the wait for the engine's first word.</param>
    public async Task<HttpResponseMessage> SendAsync(Attempt attempt, Placement to, string id, string path, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, to.Address!.OriginalString.TrimEnd('/') + path)
        {
            Version = HttpVersion.Version11,
            Content = new ReadOnlyMemoryContent(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        foreach ((string name, HeaderStringValues values) in attempt.EngineHeaders!.NonValidated)
            if (!name.Equals("X-Request-Id", StringComparison.OrdinalIgnoreCase))
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)values);
        request.Headers.TryAddWithoutValidation("X-Request-Id", id);
        return await engines.SendAsync(request, cancellation);
    }
}
