using System.Text.Json;

namespace FleetRouter.EngineSim.Http;

/// <summary>How an answer is to be written.</summary>
/// <param name="Stream">As server-sent events.</param>
/// <param name="IncludeUsage">With a last chunk that has the usage.</param>
/// <param name="ContinuousUsage">With the usage so far on every chunk.</param>
/// <param name="TokenIds">With the token ids of prompt and answer.</param>
internal sealed record ReplyOptions(bool Stream, bool IncludeUsage, bool ContinuousUsage, bool TokenIds)
{
    public static ReplyOptions Of(RequestBody body)
    {
        bool stream = body.Flag("stream", false);
        bool includeUsage = false, continuousUsage = false;
        if (body.Field("stream_options") is { } options)
        {
            if (options.ValueKind != JsonValueKind.Object)
                throw ApiException.Schema("stream_options", "model_attributes_type", "Input should be a valid dictionary");
            if (!stream)
                throw ApiException.BadRequest("Stream options can only be defined when `stream=True`.", "stream_options");
            includeUsage = IsTrue(options, "include_usage");
            continuousUsage = includeUsage && IsTrue(options, "continuous_usage_stats");
        }
        return new ReplyOptions(stream, includeUsage, continuousUsage, body.Flag("return_token_ids", false));
    }

    private static bool IsTrue(JsonElement options, string name) =>
        options.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
