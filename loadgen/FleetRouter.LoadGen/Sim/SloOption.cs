using System.CommandLine;
using FleetRouter.Simulation.Comparison;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The promise on the command line: 5s, length, or 1s+62.5ms (the second for each 1,000 prompt tokens).</summary>
internal static class SloOption
{
    public static Option<Slo> Create() => new("--slo")
    {
        Description = "Time to first token promised: a duration; a duration and another for each 1,000 prompt tokens, as in 1s+62.5ms; or length, which is that one.",
        DefaultValueFactory = _ => Slo.Flat,
        HelpName = "TTFT",
        CustomParser = result =>
        {
            if (Parse(result.Tokens[0].Value) is { } slo) return slo;
            result.AddError($"--slo must be a duration such as 5s, two of them such as 1s+62.5ms, or length, not '{result.Tokens[0].Value}'");
            return null;
        },
    };

    public static Slo? Parse(string text)
    {
        if (text == "length") return Slo.ByLength;
        string[] parts = text.Split('+');
        if (parts.Length > 2 || Duration.Parse(parts[0]) is not { } flat) return null;
        if (parts.Length == 1) return Slo.Flat with { Ttft = flat.Length };
        return Duration.Parse(parts[1]) is { } more ? Slo.Flat with { Ttft = flat.Length, TtftPerThousandTokens = more.Length } : null;
    }
}
