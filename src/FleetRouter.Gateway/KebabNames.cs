using System.Collections.Frozen;
using System.Text.Json;

namespace FleetRouter.Gateway;

/// <summary>Enumerations as metrics, the admin API and <c>why</c> spell them.</summary>
internal static class KebabNames
{
    public static string Of<T>(T value) where T : struct, Enum => Names<T>.All[value];

    /// <summary>Made once: a request passes several.</summary>
    private static class Names<T> where T : struct, Enum
    {
        public static readonly FrozenDictionary<T, string> All =
            Enum.GetValues<T>().ToFrozenDictionary(value => value, value => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString()));
    }
}
