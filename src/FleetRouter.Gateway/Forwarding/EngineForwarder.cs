using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.FrontDoor;
using FleetRouter.Gateway.Hedging;
using FleetRouter.Gateway.Resuming;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace FleetRouter.Gateway.Forwarding;

/// <summary>How one attempt went.</summary>
internal enum AttemptOutcome
{
    /// <summary>The engine's answer, whatever its status, reached the client whole.</summary>
    Answered,

    /// <summary>The engine shed the request; nothing reached the client.</summary>
    EngineBusy,

    /// <summary>The engine was out of reach or broke off before the first byte; nothing reached the client.</summary>
    Unreachable,

    /// <summary>The engine did not answer within the activity timeout; nothing reached the client.</summary>
    TimedOut,

    /// <summary>The engine broke off in the middle of its answer.</summary>
    EngineBroke,

    /// <summary>The client left.</summary>
    ClientGone,
}

/// <summary>Carries one attempt to its engine and back, through YARP.</summary>
internal sealed class EngineForwarder(IHttpForwarder yarp, UpstreamOptions options) : IDisposable
{
    private readonly HttpMessageInvoker _engines = new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        UseCookies = false,
        ActivityHeadersPropagator = null,   // the client's own traceparent passes through
        ConnectTimeout = options.ConnectTimeout,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        PooledConnectionLifetime = TimeSpan.FromMinutes(15),
        MaxConnectionsPerServer = int.MaxValue,
        // As Kestrel reads them. By default a header beyond ASCII cannot be sent, which would look like the engine's fault.
        RequestHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,
        ResponseHeaderEncodingSelector = static (_, _) => System.Text.Encoding.UTF8,
    });

    /// <summary>Calls of the router's own, over the same connections.</summary>
    public EngineCalls Calls => field ??= new EngineCalls(_engines);

    private readonly ForwarderRequestConfig _request = new()
    {
        ActivityTimeout = options.ActivityTimeout,
        Version = System.Net.HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>One try. Unless the outcome says that nothing reached the client, the response has begun.</summary>
    public async Task<(AttemptOutcome Outcome, string Trouble)> TryAsync(HttpContext context, RequestBody body, Attempt attempt)
    {
        context.Request.Body = body.Open();
        context.Request.ContentLength = body.Length;
        context.Request.Headers.TransferEncoding = default;
        await using HedgedCall? hedged = attempt.Hedging is { } hedging ? new HedgedCall(_engines, attempt, hedging) : null;
        HttpMessageInvoker engines = hedged is null ? _engines : new HttpMessageInvoker(hedged, disposeHandler: false);
        ForwarderError error = await yarp.SendAsync(
            context, attempt.Placement.Address!.OriginalString, engines, _request, new AttemptTransformer(attempt));
        string trouble = error == ForwarderError.None ? "" : Trouble(context, error);
        AttemptOutcome outcome = Judge(context, attempt, error);
        if (!context.Response.HasStarted && outcome is AttemptOutcome.EngineBusy or AttemptOutcome.Unreachable or AttemptOutcome.TimedOut)
            context.Response.Clear();
        return (outcome, trouble);
    }

    private static AttemptOutcome Judge(HttpContext context, Attempt attempt, ForwarderError error) => error switch
    {
        _ when attempt.EngineBusy => AttemptOutcome.EngineBusy,
        _ when context.RequestAborted.IsCancellationRequested && (error != ForwarderError.None || attempt.Broke) => AttemptOutcome.ClientGone,
        _ when attempt.Broke => AttemptOutcome.EngineBroke,
        ForwarderError.None => AttemptOutcome.Answered,
        _ when context.Response.HasStarted => AttemptOutcome.EngineBroke,
        ForwarderError.RequestTimedOut => AttemptOutcome.TimedOut,
        // A stream that goes on elsewhere by itself is only ever ended by the time for it being up.
        _ when attempt.GoesOn => AttemptOutcome.TimedOut,
        _ => AttemptOutcome.Unreachable,
    };

    /// <summary>The innermost reason, in one line.</summary>
    private static string Trouble(HttpContext context, ForwarderError error)
    {
        Exception? cause = context.Features.Get<IForwarderErrorFeature>()?.Exception;
        while (cause?.InnerException is { } inner)
            cause = inner;
        return cause is null ? error.ToString() : $"{error}: {cause.Message.ReplaceLineEndings(" ")}";
    }

    public void Dispose() => _engines.Dispose();
}
