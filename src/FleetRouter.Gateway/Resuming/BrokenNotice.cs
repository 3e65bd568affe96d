using System.Text.Json;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Gateway.Resuming;

/// <summary>The event that ends a stream which broke off for good, so that no client takes it for whole.</summary>
internal static class BrokenNotice
{
    private const string Code = "engine_stream_broken";

    /// <summary>The event of an API.</summary>
    /// <param name="api">The API called.</param>
    /// <param name="why">What kept the answer from going on elsewhere, for machines.</param>
    /// <param name="trouble">The same for people; null for what <paramref name="why"/> says.</param>
    public static byte[] Of(ApiKind api, string why, string? trouble = null)
    {
        string message = $"The engine broke off in the middle of the answer, which cannot go on elsewhere: {trouble ?? why}. Ask again.";
        byte[] json = api == ApiKind.Response
            ? JsonSerializer.SerializeToUtf8Bytes(new { type = "error", code = Code, message, param = (string?)null, retryable = true, reason = why })
            : JsonSerializer.SerializeToUtf8Bytes(new
            {
                error = new { message, type = "service_unavailable_error", param = (string?)null, code = Code, retryable = true, reason = why },
            });
        return [.. api == ApiKind.Response ? "event: error\n"u8 : [], .. "data: "u8, .. json, .. "\n\n"u8];
    }
}
