using System.Net.Http.Headers;
using System.Text.Json;

namespace FleetRouter.LoadGen.Client;

/// <summary>What a replay talks to: a gateway or an engine, and the model asked for there.</summary>
/// <param name="Address">Base address, without /v1.</param>
/// <param name="Model">Name of the model in every request.</param>
/// <param name="LongestSequence">The model's max_model_len where the target says it: prompt and answer together, tokens.</param>
internal sealed record Target(Uri Address, string Model, int? LongestSequence)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Asks /v1/models for the first model, or for the named one's length.</summary>
    /// <exception cref="UsageException">Nobody answers there, or no model is served.</exception>
    public static async Task<Target> Find(Uri address, string model, string? apiKey, CancellationToken stop)
    {
        var uri = new Uri(address, "/v1/models");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
        using var request = new HttpRequestMessage(HttpMethod.Get, uri);
        if (apiKey is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        try
        {
            using var response = await http.SendAsync(request, stop);
            if (!response.IsSuccessStatusCode)
                throw new UsageException($"{uri} answers {(int)response.StatusCode}{(apiKey is null && (int)response.StatusCode is 401 or 403 ? "; name the key's variable with --api-key-env" : "")}");
            using var document = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(stop), default, stop);
            return Choose(document.RootElement, address, model, uri);
        }
        catch (HttpRequestException wrong)
        {
            throw new UsageException($"nobody answers at {address} ({wrong.Message}); is the gateway running? See --target");
        }
        catch (JsonException)
        {
            throw new UsageException($"{uri} does not answer with JSON; is it an OpenAI-compatible server?");
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new UsageException($"{uri} does not answer within {Patience.TotalSeconds:0} s");
        }
    }

    private static Target Choose(JsonElement root, Uri address, string model, Uri uri)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Array)
            throw new UsageException($"{uri} answers without a list of models");
        var ids = new List<string>();
        foreach (var entry in data.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("id", out var id) || id.GetString() is not { Length: > 0 } name) continue;
            ids.Add(name);
            if (model == Auto || model == name)
                return new Target(address, name, entry.TryGetProperty("max_model_len", out var length) && length.ValueKind == JsonValueKind.Number ? length.GetInt32() : null);
        }
        throw new UsageException(ids.Count == 0 ? $"{uri} serves no model" : $"{uri} does not serve '{model}'; it serves {string.Join(", ", ids.Take(8))}");
    }

    /// <summary>The model name that stands for the first one served.</summary>
    public const string Auto = "auto";
}
