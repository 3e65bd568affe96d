using System.Globalization;

namespace FleetRouter.Gateway.FrontDoor;

/// <summary>Priorities as clients say them, in the router's terms: 0 is normal, above is high, and there is nothing below normal. What is
/// not understood is normal.</summary>
internal static class Priorities
{
    /// <summary>The highest; no client needs more ranks.</summary>
    private const int Highest = 100;

    /// <summary><c>x-smg-priority</c>: a number, higher first, or the word high.</summary>
    public static int OfHeader(string? value) =>
        string.Equals(value, "high", StringComparison.OrdinalIgnoreCase) ? 1
        : int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? Math.Clamp(number, 0, Highest) : 0;

    /// <summary>vLLM's <c>priority</c>: lower goes first, 0 is normal.</summary>
    public static int OfVllm(int value) => value >= 0 ? 0 : value < -Highest ? Highest : -value;

    /// <summary>OpenAI's <c>service_tier</c>: <c>priority</c> is high, all others are normal.</summary>
    public static int OfTier(string? tier) => tier == "priority" ? 1 : 0;
}
