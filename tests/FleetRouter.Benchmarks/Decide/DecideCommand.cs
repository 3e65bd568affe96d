using System.CommandLine;
using Spectre.Console;

namespace FleetRouter.Benchmarks.Decide;

/// <summary><c>bench decide</c>: what one placement costs, from a fleet of 8 to one of 1,000.</summary>
internal static class DecideCommand
{
    public static Command Create()
    {
        var json = new Option<FileInfo?>("--json") { Description = "write the figures to FILE", HelpName = "FILE" };
        var rounds = new Option<int>("--rounds")
        {
            Description = "rounds over all fleet sizes and policies, 1 to 1000; more rounds even out a noisy machine", DefaultValueFactory = _ => 10,
        };
        var decisions = new Option<int>("--decisions")
        {
            Description = "decisions of each fleet and policy in a round, 100 to 100000", DefaultValueFactory = _ => 2_000,
        };
        rounds.Validators.Add(InRange(rounds, 1, 1_000));
        decisions.Validators.Add(InRange(decisions, 100, 100_000));

        var command = new Command("decide", "time and memory of one decision at 8, 64, 256 and 1,000 instances, for each policy") { json, rounds, decisions };
        command.SetAction(parsed =>
        {
            DecideReport report = DecideBenchmark.Run(parsed.GetValue(rounds), parsed.GetValue(decisions));
            report.Print(AnsiConsole.Console);
            if (parsed.GetValue(json) is { } file)
                report.Write(file);
            return report.Holds ? 0 : 1;
        });
        return command;
    }

    private static Action<System.CommandLine.Parsing.OptionResult> InRange(Option<int> option, int least, int most) => result =>
    {
        if (result.GetValueOrDefault<int>() is var value && (value < least || value > most))
            result.AddError($"{option.Name} {value}: give a number from {least} to {most}");
    };
}
