using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace FleetRouter.LoadGen;

/// <summary>Durations on the command line: a number with its unit, as in 100ms, 5s, 2m.</summary>
internal static class Duration
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)];

    public static TimeSpan? Parse(string text)
    {
        foreach (var (unit, seconds) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal)) continue;
            if (double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                && number > 0 && number * seconds < 1e6) return TimeSpan.FromSeconds(number * seconds);
        }
        return null;
    }

    public static Option<TimeSpan> Option(string name, string description, TimeSpan fallback) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => fallback,
        CustomParser = ParserOf(name),
        HelpName = "5s|100ms|…",
    };

    public static Option<TimeSpan?> Option(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result => ParserOf(name)(result),
        HelpName = "5s|100ms|…",
    };

    private static Func<ArgumentResult, TimeSpan> ParserOf(string name) => result =>
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (Parse(text) is { } duration) return duration;
        result.AddError($"{name} must be a positive duration with its unit, as in 100ms, 5s or 2m, not '{text}'");
        return default;
    };
}
