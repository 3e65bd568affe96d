using System.Text.Json;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Fleet;
using FleetRouter.Gateway.Responses;
using FleetRouter.Gateway.Telemetry;
using FleetRouter.Hosting.Ports;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>The clients' side: which call is which, who may ask, and an error in OpenAI's shape for all that goes wrong.</summary>
internal sealed partial class FrontDoorPipeline(FleetHost fleet, InferenceEndpoint inference, KeptResponses kept, Func<byte[]> metricsPage, ILogger<FrontDoorPipeline> log)
{
    private static readonly byte[] Ok = "ok\n"u8.ToArray();

    /// <summary>Who may ask; replaced when the configuration changes.</summary>
    public volatile ApiKeyRing Keys = new([], []);

    /// <summary>Set when the gateway is to stop: it serves on, but is no longer ready for more.</summary>
    public volatile bool Draining;

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await RouteAsync(context);
        }
        catch (BadHttpRequestException e) when (e is not AnswerBrokenException)
        {
            await BodyError(e).WriteAsync(context);
            if (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
                await RequestBody.DrainAsync(context);
        }
        catch (ConversationsUnavailableException)
        {
            await ErrorAnswer.ConversationsAway.WriteAsync(context);   // who keeps them has said why in the log
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to be told.
        }
        catch (IOException) when (context.RequestAborted.IsCancellationRequested)
        {
            // As above.
        }
        catch (Exception e) when (e is not AnswerBrokenException)
        {
            LogUnexpected(e, context.Request.Path);
            await new ErrorAnswer(500, "server_error", "internal_error", "The router failed on this request; its log says why.").WriteAsync(context);
        }
    }

    private Task RouteAsync(HttpContext context)
    {
        string path = context.Request.Path.Value ?? "/";
        switch (path)
        {
            case "/livez" or "/health" or "/healthz": return TextAsync(context, 200, Ok);
            case "/readyz": return ReadyAsync(context);
            case "/metrics": return TextAsync(context, 200, metricsPage(), PrometheusWriter.ContentType);
        }
        if (!path.StartsWith("/v1/", StringComparison.Ordinal))
            return NotFound(context, path);
        ApiKeyRing keys = Keys;
        if (!keys.Admits(context.Request, out Client client))
            return ApiKeyRing.Denied.WriteAsync(context);
        if (path == "/v1/models" || path.StartsWith("/v1/models/", StringComparison.Ordinal))
            return ModelsAsync(context, path);
        if (KeptResponses.TryRead(context.Request.Method, path, out KeptCall call))
            return kept.HandleAsync(context, call, client.Owner);
        ApiKind api = path switch
        {
            "/v1/chat/completions" => ApiKind.Chat,
            "/v1/completions" => ApiKind.Completion,
            "/v1/responses" => ApiKind.Response,
            "/v1/embeddings" => ApiKind.Embedding,
            _ => ApiKind.Other,
        };
        return api != ApiKind.Other && context.Request.Method != "POST"
            ? new ErrorAnswer(405, "invalid_request_error", "method_not_allowed", $"Use POST for {path}.").WriteAsync(context)
            : inference.HandleAsync(context, api, !keys.IsOpen, client);
    }

    private Task ReadyAsync(HttpContext context) =>
        Draining ? TextAsync(context, 503, "stopping\n"u8.ToArray())
        : fleet.Pools.Any(p => p.Host.Served.Models.Any(m => m.ReadyInstances > 0)) ? TextAsync(context, 200, Ok)
        : TextAsync(context, 503, "no instance is ready\n"u8.ToArray());

    /// <summary>The union of what the pools serve, each model once.</summary>
    private Task ModelsAsync(HttpContext context, string path)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
            return new ErrorAnswer(405, "invalid_request_error", "method_not_allowed", $"Use GET for {path}.").WriteAsync(context);
        var models = fleet.Pools.SelectMany(p => p.Host.Served.Models).Select(m => m.Name).Distinct(StringComparer.Ordinal)
            .Select(name => new { id = name, @object = "model", created = 0, owned_by = "fleetrouter" }).ToList();
        if (path == "/v1/models")
            return JsonAsync(context, new { @object = "list", data = models });
        string wanted = Uri.UnescapeDataString(path["/v1/models/".Length..]);
        return models.Find(m => m.id == wanted) is { } model
            ? JsonAsync(context, model)
            : new ErrorAnswer(404, "invalid_request_error", "model_not_found", $"The model `{wanted}` does not exist.", "model").WriteAsync(context);
    }

    private static Task NotFound(HttpContext context, string path) => new ErrorAnswer(404, "invalid_request_error", "unknown_url",
        $"Unknown request URL: {context.Request.Method} {path}. The router serves /v1/*, /livez, /readyz and /metrics here.").WriteAsync(context);

    private static ErrorAnswer BodyError(BadHttpRequestException e) => e.StatusCode switch
    {
        413 => new(413, "invalid_request_error", "request_too_large", "The request body is longer than the router takes (limits.body in its configuration)."),
        408 => new(408, "invalid_request_error", "request_timeout", "The request body came too slowly."),
        _ => new(e.StatusCode, "invalid_request_error", "bad_request", "The request could not be read: " + e.Message),
    };

    private static async Task TextAsync(HttpContext context, int status, byte[] text, string type = "text/plain; charset=utf-8")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        context.Response.ContentLength = text.Length;
        await context.Response.Body.WriteAsync(text, context.RequestAborted);
    }

    private static Task JsonAsync<T>(HttpContext context, T value) =>
        TextAsync(context, 200, JsonSerializer.SerializeToUtf8Bytes(value), "application/json");

    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "A request to {Path} failed in the router itself")]
    private partial void LogUnexpected(Exception e, PathString path);
}
