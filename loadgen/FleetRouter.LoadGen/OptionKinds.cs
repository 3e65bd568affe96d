using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using FleetRouter.Simulation.Traces;

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
        CustomParser = result => Number(name, result) ?? fallback,
    };

    public static Option<double?> PositiveOrNone(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "X",
        CustomParser = result => Number(name, result),
    };

    /// <summary>A whole number from 1 to <paramref name="most"/>.</summary>
    public static Option<int> UpTo(int most, string name, string description, int fallback)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => fallback };
        option.Validators.Add(result =>
        {
            if (result.Errors.Any() || result.GetValueOrDefault<int>() is var given && given >= 1 && given <= most) return;
            result.AddError($"{name} must be 1 to {most}");
        });
        return option;
    }

    public static Option<string> TraceFile() => new("--trace") { Required = true, Description = "Trace file, plain or gzipped.", HelpName = "FILE" };

    /// <summary>The format of that trace; <see cref="TraceFormats.Named"/> reads it.</summary>
    public static Option<string> FormatOfTrace() => OneOf("--format", "Trace format; auto looks at the first line.", "auto", [.. TraceFormats.Names.Select(pair => pair.Name)]);

    public static Option<ulong> SeedOf(string what) => new("--seed") { Description = $"Seed of {what}.", DefaultValueFactory = _ => 1 };

    public static Option<string?> JsonFile() => new("--json") { Description = "Write the figures to this file.", HelpName = "FILE" };

    public static Option<string?> HtmlFile() => new("--html") { Description = "Write a report with plots to this file; it opens without a network.", HelpName = "FILE" };

    public static Option<bool> WithoutProgress() => new("--no-progress") { Description = "Show no progress." };

    private static double? Number(string name, ArgumentResult result)
    {
        if (double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number is >= 1e-6 and <= 1e6) return number;
        result.AddError($"{name} must be a number above 0, not '{result.Tokens[0].Value}'");
        return null;
    }
}
