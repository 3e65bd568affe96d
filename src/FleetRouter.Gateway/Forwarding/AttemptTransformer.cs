using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Responses;
using FleetRouter.Gateway.Resuming;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>What one attempt changes of the bytes YARP carries: a few headers, and the answer's content by a stream that
/// watches it pass.</summary>
internal sealed class AttemptTransformer(Attempt attempt) : HttpTransformer
{
    public const string ServedBy = "x-gateway-destination-endpoint-served";

    public override async ValueTask TransformRequestAsync(
        HttpContext context, HttpRequestMessage engineRequest, string destinationPrefix, CancellationToken cancellation)
    {
        await base.TransformRequestAsync(context, engineRequest, destinationPrefix, cancellation);
        var headers = engineRequest.Headers;
        headers.Host = null;
        foreach (string name in ClientHeaders.Control)
            headers.Remove(name);
        headers.Remove("Accept-Encoding");   // the answer is read as it passes
        headers.Remove("Expect");   // the body is here already
        headers.TryAddWithoutValidation("X-Request-Id", attempt.EngineRequestId);
        if (attempt.DropsClientKey || attempt.EngineApiKey is not null)
            headers.Remove("Authorization");
        if (attempt.EngineApiKey is { } key)
            headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
        attempt.EngineHeaders = headers;
    }

    public override async ValueTask<bool> TransformResponseAsync(
        HttpContext context, HttpResponseMessage? engineResponse, CancellationToken cancellation)
    {
        // An engine's own 503 means "elsewhere": nothing of it reaches the client.
        if (engineResponse?.StatusCode == System.Net.HttpStatusCode.ServiceUnavailable)
        {
            attempt.EngineBusy = true;
            return false;
        }
        await base.TransformResponseAsync(context, engineResponse, cancellation);
        if (engineResponse is null)
            return true;
        HttpResponse response = context.Response;
        response.Headers[ServedBy] = attempt.Placement.Instance;
        response.Headers["x-request-id"] = attempt.Request.ClientId ?? attempt.Request.Id;
        bool streams = engineResponse.Content.Headers.ContentType?.MediaType == "text/event-stream";
        Stream answer = await engineResponse.Content.ReadAsStreamAsync(cancellation);
        if (streams || attempt.Turn is not null)
            response.ContentLength = null;   // events may be left out of it or added to it, and ids take other room
        engineResponse.Content = new PassingContent(Watch(answer, streams, response));
        return true;
    }

    private PassingStream Watch(Stream answer, bool streams, HttpResponse response)
    {
        if (attempt.Turn is { } turn && response.StatusCode == StatusCodes.Status200OK)
            return streams ? new TurnStream(new WatchedStream(answer, attempt), attempt, turn) : new TurnAnswer(new WatchedAnswer(answer, attempt), turn);
        if (!streams)
            return new WatchedAnswer(answer, attempt);
        if (attempt.Resumption is null)
            return new WatchedStream(answer, attempt);
        attempt.GoesOn = true;
        var resumable = new ResumableStream(answer, attempt);
        if (!attempt.IsWhole)
            return resumable;
        response.ContentType = "application/json";
        return new WholeAnswer(resumable, attempt);
    }
}
