using System.Globalization;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace FleetRouter.EngineSim.Http;

/// <summary>What Kestrel calls for every request of one engine: the routes, authorisation, errors.</summary>
internal sealed class EngineApplication(EngineInstance instance) : IHttpApplication<DefaultHttpContext>
{
    private readonly GenerationEndpoints _generation = new(instance);
    private readonly SmallEndpoints _small = new(instance);

    public DefaultHttpContext CreateContext(IFeatureCollection contextFeatures) => new(contextFeatures);

    public void DisposeContext(DefaultHttpContext context, Exception? exception)
    {
        // Everything a context holds belongs to the connection.
    }

    public async Task ProcessRequestAsync(DefaultHttpContext context)
    {
        var headers = context.Response.Headers;
        headers["x-inference-pod"] = instance.Name;
        headers["x-inference-port"] = instance.Address.Port.ToString(CultureInfo.InvariantCulture);
        if (context.Request.Headers.TryGetValue("X-Request-Id", out var id))
            headers["X-Request-Id"] = id;
        try
        {
            await RouteAsync(context);
        }
        catch (ApiException error)
        {
            await context.WriteErrorAsync(error);
        }
        catch (BadHttpRequestException error)
        {
            await context.WriteErrorAsync(new ApiException(error.StatusCode, "Bad Request", error.Message));
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client or the engine is gone; nobody reads an answer.
        }
    }

    private async Task RouteAsync(DefaultHttpContext context)
    {
        string path = context.Request.Path.Value ?? "/";
        if (!IsAuthorised(context, path))
        {
            context.Response.StatusCode = 401;
            await context.WriteJsonAsync("""{"error":"Unauthorized"}"""u8.ToArray());
            return;
        }
        var (method, handler) = Route(path);
        if (handler is null)
            throw new ApiException(404, "Not Found", $"{path} is not served here.");
        if (method != context.Request.Method && !path.StartsWith("/sim/", StringComparison.Ordinal))
            throw new ApiException(405, "Method Not Allowed", $"{path} takes {method}.");
        await handler(context);
    }

    private (string Method, Func<HttpContext, Task>? Handler) Route(string path) => path switch
    {
        "/v1/chat/completions" => ("POST", _generation.ChatAsync),
        "/v1/completions" => ("POST", _generation.CompletionAsync),
        "/v1/responses" => ("POST", _generation.ResponsesAsync),
        "/v1/embeddings" => ("POST", _generation.EmbeddingsAsync),
        "/tokenize" => ("POST", _small.TokenizeAsync),
        "/detokenize" => ("POST", _small.DetokenizeAsync),
        "/v1/models" => ("GET", _small.ModelsAsync),
        "/metrics" => ("GET", _small.MetricsAsync),
        "/health" or "/ping" => ("GET", _small.HealthAsync),
        "/version" => ("GET", _small.VersionAsync),
        "/load" => ("GET", _small.LoadAsync),
        "/sim/faults" => ("POST", _small.FaultsAsync),
        "/sim/state" => ("GET", _small.StateAsync),
        _ => ("", null),
    };

    private bool IsAuthorised(HttpContext context, string path) =>
        instance.FleetOptions.ApiKey is not { } key
        || !path.StartsWith("/v1", StringComparison.Ordinal)
        || context.Request.Headers.Authorization == $"Bearer {key}";
}
