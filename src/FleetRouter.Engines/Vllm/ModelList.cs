using System.Text.Json;

namespace FleetRouter.Engines.Vllm;

/// <summary>The names in an answer to <c>GET /v1/models</c>.</summary>
internal static class ModelList
{
    /// <summary>Names in the order listed, each once. Takes OpenAI's <c>{"data": […]}</c> and the bare array that some
    /// gateways answer with; entries without a usable <c>id</c> are passed over.</summary>
    /// <exception cref="JsonException">Not JSON, or no list of models in it.</exception>
    public static IReadOnlyList<string> Read(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        var list = document.RootElement;
        if (list.ValueKind == JsonValueKind.Object && !list.TryGetProperty("data"u8, out list))
            throw new JsonException("no \"data\" in the answer");
        if (list.ValueKind != JsonValueKind.Array)
            throw new JsonException("\"data\" is not a list");
        var names = new List<string>(list.GetArrayLength());
        foreach (var entry in list.EnumerateArray())
            if (Id(entry) is { Length: > 0 } id && !names.Contains(id))
                names.Add(id);
        return names;
    }

    private static string? Id(JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("id"u8, out var id) || id.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return id.GetString();
        }
        catch (InvalidOperationException)
        {
            return null; // bytes that are no UTF-8, or half a surrogate pair: no client can ask for such a name
        }
    }
}
