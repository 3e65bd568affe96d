using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace FleetRouter.LoadGen;

/// <summary>A duration on the command line: a positive number with its unit, as in 100ms, 5s, 2m.</summary>
internal readonly record struct Duration(TimeSpan Length)
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)];

    public static Duration? Parse(string text)
    {
        foreach (var (unit, seconds) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal)) continue;
            if (double.TryParse(text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                && number > 0 && number * seconds < 1e6) return new Duration(TimeSpan.FromSeconds(number * seconds));
        }
        return null;
    }

    public static Option<Duration> Option(string name, string description, TimeSpan fallback) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => new Duration(fallback),
        CustomParser = result => Read(name, result) ?? default,
        HelpName = "DURATION",
    };

    public static Option<Duration?> Option(string name, string description) => new(name)
    {
        Description = description,
        CustomParser = result => Read(name, result),
        HelpName = "DURATION",
    };

    public override string ToString() => Length < TimeSpan.FromSeconds(1)
        ? string.Create(CultureInfo.InvariantCulture, $"{Length.TotalMilliseconds:0.###}ms")
        : string.Create(CultureInfo.InvariantCulture, $"{Length.TotalSeconds:0.###}s");

    private static Duration? Read(string name, ArgumentResult result)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (Parse(text) is { } duration) return duration;
        result.AddError($"{name} must be a positive duration with its unit, as in 100ms, 5s or 2m, not '{text}'");
        return null;
    }
}
