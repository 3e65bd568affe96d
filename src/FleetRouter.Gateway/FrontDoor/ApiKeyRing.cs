using System.Security.Cryptography;
using System.Text;
using FleetRouter.Gateway.Configuration;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Whether a client may ask: its bearer key's SHA-256 is among the configured ones. Without any, everybody may.</summary>
/// <remarks>Only hashes are compared, so how long a look-up takes tells nothing about a key.</remarks>
internal sealed class ApiKeyRing(IReadOnlyList<ApiKey> keys)
{
    private readonly HashSet<string> _hashes = [.. keys.Select(k => k.Sha256.ToLowerInvariant())];

    public bool IsOpen => _hashes.Count == 0;

    public bool Admits(HttpRequest request)
    {
        if (IsOpen)
            return true;
        string? header = request.Headers.Authorization;
        string? key = header is not null && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            ? header["Bearer ".Length..].Trim()
            : request.Headers["x-api-key"].FirstOrDefault();
        return key is { Length: > 0 } && _hashes.Contains(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))));
    }

    public static readonly ErrorAnswer Denied = new(401, "authentication_error", "invalid_api_key",
        "Incorrect or missing API key. Send one this router knows as 'Authorization: Bearer KEY'.");
}
