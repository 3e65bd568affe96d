using System.Security.Cryptography;
using System.Text;
using FleetRouter.Gateway.Configuration;
using Microsoft.AspNetCore.Http;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Whether a client may ask: its bearer key's SHA-256 is among the configured ones. Without any, everybody may.</summary>
/// <remarks>Only hashes are compared, so how long a look-up takes tells nothing about a key.</remarks>
/// <param name="keys">Keys without a budget.</param>
/// <param name="tenants">Those who have one, with theirs.</param>
internal sealed class ApiKeyRing(IReadOnlyList<ApiKey> keys, IReadOnlyList<TenantSection> tenants)
{
    /// <summary>By a key's hash, its holder, known by a digest of the key's name: a key may be replaced, and its holder stays who it was.</summary>
    private readonly Dictionary<string, Client> _holders = keys.Select(k => (Key: k, Tenant: (string?)null))
        .Concat(tenants.SelectMany(t => t.ApiKeys, (t, k) => (Key: k, Tenant: (string?)t.Name)))
        .ToDictionary(k => k.Key.Sha256.ToLowerInvariant(), k => new Client(Owner(k.Key.Name), k.Tenant), StringComparer.Ordinal);

    private static string Owner(string name) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 16));

    public bool IsOpen => _holders.Count == 0;

    /// <param name="request">The client's request.</param>
    /// <param name="client">Who asks.</param>
    public bool Admits(HttpRequest request, out Client client)
    {
        client = new Client("", null);
        if (IsOpen)
            return true;
        string? header = request.Headers.Authorization;
        string? key = header is not null && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            ? header["Bearer ".Length..].Trim()
            : request.Headers["x-api-key"].FirstOrDefault();
        return key is { Length: > 0 } && _holders.TryGetValue(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))), out client);
    }

    public static readonly ErrorAnswer Denied = new(401, "authentication_error", "invalid_api_key",
        "Incorrect or missing API key. Send one this router knows as 'Authorization: Bearer KEY'.");
}

/// <summary>Who asks.</summary>
/// <param name="Owner">Whom what is kept for the client belongs to; empty where everybody may ask.</param>
/// <param name="Tenant">The tenant whose budget is spent; null for none.</param>
internal readonly record struct Client(string Owner, string? Tenant);
