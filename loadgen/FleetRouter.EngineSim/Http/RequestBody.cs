using System.Text.Json;
using FleetRouter.EngineSim.Driving;

namespace FleetRouter.EngineSim.Http;

/// <summary>A JSON object sent to the engine. Fields of the wrong type are refused, unknown ones ignored.</summary>
internal sealed class RequestBody : IDisposable
{
    private readonly JsonDocument _document;

    private RequestBody(JsonDocument document) => _document = document;

    public JsonElement Root => _document.RootElement;

    public static async Task<RequestBody> ReadAsync(HttpRequest request)
    {
        try
        {
            var document = await JsonDocument.ParseAsync(request.Body, default, request.HttpContext.RequestAborted);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                return new RequestBody(document);
            document.Dispose();
            throw new ApiException(400, "Bad Request", "[{'type': 'model_attributes_type', 'loc': ('body',), 'msg': 'Input should be a valid dictionary'}]");
        }
        catch (JsonException error)
        {
            throw new ApiException(400, "Bad Request", $"[{{'type': 'json_invalid', 'loc': ('body', {error.BytePositionInLine ?? 0}), 'msg': 'JSON decode error'}}]");
        }
    }

    /// <summary>The field, or null where it is absent or null.</summary>
    public JsonElement? Field(string name) =>
        Root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public string? Text(string name) => Field(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? TextOf(value, name)
        : throw ApiException.Schema(name, "string_type", "Input should be a valid string");

    public int? Integer(string name) => Field(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number
        : throw ApiException.Schema(name, "int_type", "Input should be a valid integer");

    public double? Number(string name) => Field(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number ? value.GetDouble()
        : throw ApiException.Schema(name, "float_type", "Input should be a valid number");

    public bool Flag(string name, bool otherwise) => Field(name) is not { } value ? otherwise
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw ApiException.Schema(name, "bool_type", "Input should be a valid boolean");

    /// <summary>A string inside the body; one with half a surrogate pair is no text.</summary>
    public static string TextOf(JsonElement value, string field)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Schema(field, "string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string");
        }
    }

    /// <summary>What bounds the answer.</summary>
    /// <param name="maxTokens">The fields that name the most tokens, the first present wins.</param>
    /// <param name="otherwise">The bound without any of them.</param>
    public Sampling Sampling(int? otherwise, params string[] maxTokens)
    {
        if (Integer("n") is { } n && n != 1)
            throw ApiException.BadRequest($"n must be 1 for this engine, got {n}.", "n");
        int? limit = maxTokens.Select(Integer).FirstOrDefault(value => value is not null);
        if (limit < 1)
            throw ApiException.BadRequest($"max_tokens must be at least 1, got {limit}.", maxTokens[0]);
        int min = Integer("min_tokens") ?? 0;
        if (min < 0)
            throw ApiException.BadRequest($"min_tokens must be greater than or equal to 0, got {min}.", "min_tokens");
        if (min > (limit ?? otherwise))
            throw ApiException.BadRequest($"min_tokens must be less than or equal to max_tokens={limit ?? otherwise}, got {min}.", "min_tokens");
        CheckRange("temperature", 0, 2);
        CheckRange("top_p", 0, 1);
        return new Sampling(limit ?? otherwise, min, Flag("ignore_eos", false), Stop());
    }

    public void Dispose() => _document.Dispose();

    private void CheckRange(string name, double least, double most)
    {
        if (Number(name) is { } value && !(value >= least && value <= most))
            throw ApiException.BadRequest($"{name} must be in [{least}, {most}], got {value}.", name);
    }

    private List<string> Stop()
    {
        if (Field("stop") is not { } stop)
            return [];
        if (stop.ValueKind == JsonValueKind.String)
            return TextOf(stop, "stop") is { Length: > 0 } one ? [one] : [];
        if (stop.ValueKind != JsonValueKind.Array || stop.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
            throw ApiException.Schema("stop", "list_type", "Input should be a valid list of strings");
        return [.. stop.EnumerateArray().Select(item => TextOf(item, "stop")).Where(text => text.Length > 0)];
    }
}
