using System.Security.Cryptography;
using System.Text;
using FleetRouter.Gateway.Configuration;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Whether a client may ask: its bearer key's SHA-256 is among the configured ones. Without any, everybody may.</summary>
/// <remarks>Only hashes are compared, so how long a look-up takes tells nothing about a key.</remarks>
internal sealed class ApiKeyRing(IReadOnlyList<ApiKey> keys)
{
    /// <summary>By a key's hash, a digest of its holder's name: a key may be replaced, and its holder stays who it was.</summary>
    private readonly Dictionary<string, string> _owners = keys.ToDictionary(
        k => k.Sha256.ToLowerInvariant(), k => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(k.Name)).AsSpan(0, 16)), StringComparer.Ordinal);

    public bool IsOpen => _owners.Count == 0;

    /// <param name="request">The client's request.</param>
    /// <param name="owner">Whom what is kept for the client belongs to; empty where everybody may ask.</param>
    public bool Admits(HttpRequest request, out string owner)
    {
        owner = "";
        if (IsOpen)
            return true;
        string? header = request.Headers.Authorization;
        string? key = header is not null && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            ? header["Bearer ".Length..].Trim()
            : request.Headers["x-api-key"].FirstOrDefault();
        return key is { Length: > 0 } && _owners.TryGetValue(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))), out owner!);
    }

    public static readonly ErrorAnswer Denied = new(401, "authentication_error", "invalid_api_key",
        "Incorrect or missing API key. Send one this router knows as 'Authorization: Bearer KEY'.");
}
