using System.Security.Cryptography;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>The router's own request ids: unique among all gateways, short, and in the order of arrival within one.</summary>
internal static class RequestIds
{
    private static readonly string Prefix = "fr-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)) + "-";
    private static long _last;

    public static string Next() => string.Create(null, stackalloc char[48], $"{Prefix}{Interlocked.Increment(ref _last):x}");
}
