using System.Text.Json;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Gateway.Fleet;

/// <summary>Placement rules as metrics and the admin API spell them.</summary>
internal static class RuleNames
{
    private static readonly string[] Names =
        [.. Enum.GetValues<PlacementRule>().Select(rule => JsonNamingPolicy.KebabCaseLower.ConvertName(rule.ToString()))];

    public static string Of(PlacementRule rule) => Names[(int)rule];
}
