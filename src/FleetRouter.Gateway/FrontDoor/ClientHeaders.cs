using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Headers by which clients steer the router, under the names they have in hand from its peers.</summary>
internal static class ClientHeaders
{
    private static readonly string[] Session =
        ["x-session-id", "x-conversation-id", "x-claude-code-session-id", "x-smg-routing-key", "x-session-token"];

    private static readonly string[] RequestIds = ["x-request-id", "x-correlation-id", "x-trace-id", "request-id"];

    private static readonly string[] Ranks = ["x-smg-priority"];

    /// <summary>The router's business alone: not passed on to engines.</summary>
    public static readonly string[] Control = [.. Session, .. RequestIds, .. Ranks, "x-api-key"];

    /// <summary>Longest id taken from a client; what is longer is cut.</summary>
    private const int LongestId = 256;

    public static string? SessionId(HttpRequest request) => First(request, Session);

    /// <summary>The client's id of its request, which comes back to it in a header of the answer; null where it could not.</summary>
    public static string? RequestId(HttpRequest request) =>
        First(request, RequestIds) is { } id && !id.AsSpan().ContainsAnyExceptInRange(' ', '~') ? id : null;

    /// <summary>The request's priority; above 0 is high.</summary>
    public static int Priority(HttpRequest request) => Priorities.OfHeader(First(request, Ranks));

    /// <summary>An id as the router keeps it.</summary>
    public static string Bounded(string id) => id.Length <= LongestId ? id : id[..LongestId];

    private static string? First(HttpRequest request, string[] names)
    {
        foreach (string name in names)
            if (request.Headers.TryGetValue(name, out var value) && value.Count > 0 && value[0] is { Length: > 0 } id)
                return Bounded(id);
        return null;
    }
}
