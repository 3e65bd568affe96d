using System.CommandLine;
using System.Globalization;

namespace FleetRouter.LoadGen;

/// <summary>Kinds of options that several verbs have, with their ranges and complaints.</summary>
internal static class OptionKinds
{
    public static Option<string> OneOf(string name, string description, string fallback, string[] others)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => fallback };
        return option.AcceptOnlyFromAmong([fallback, .. others]);
    }

    public static Option<int?> Count(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        CustomParser = result =>
        {
            if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0) return count;
            result.AddError($"{name} must be a whole number of 1 or more, not '{result.Tokens[0].Value}'");
            return null;
        },
    };

    public static Option<double> Positive(string name, string description, double fallback) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => fallback,
        HelpName = "X",
        CustomParser = result =>
        {
            if (double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number is >= 1e-6 and <= 1e6) return number;
            result.AddError($"{name} must be a number above 0, not '{result.Tokens[0].Value}'");
            return fallback;
        },
    };

    public static Option<double?> PositiveOrNone(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result =>
        {
            if (double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number is >= 1e-6 and <= 1e6) return number;
            result.AddError($"{name} must be a number above 0, not '{result.Tokens[0].Value}'");
            return null;
        },
    };
}
