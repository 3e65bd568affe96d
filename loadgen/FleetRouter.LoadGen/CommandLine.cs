using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using FleetRouter.LoadGen.Chaos;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Replay;
using FleetRouter.LoadGen.Sim;
using FleetRouter.Simulation.Traces;

namespace FleetRouter.LoadGen;

/// <summary>The verbs, and how their mistakes are told: one line on stderr each.</summary>
internal static class CommandLine
{
    public static async Task<int> Run(string[] arguments, TextWriter errors)
    {
        var root = new RootCommand("Replays real and synthetic workloads against an OpenAI-compatible server and reports what its clients would have felt.")
        {
            ReplayCommand.Create(),
            DemoCommand.Create(),
            SimCommand.Create(),
            ChaosCommand.Create(),
        };
        var parsed = root.Parse(arguments);
        var verb = Verb(parsed.CommandResult);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (var error in parsed.Errors) errors.WriteLine($"{verb}: {error.Message}");
            return ExitCodes.Usage;
        }
        try
        {
            // The verbs end early in their own way on Ctrl-C, with the report so far.
            return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
        }
        catch (Exception wrong) when (wrong is UsageException or TraceReadException)
        {
            errors.WriteLine($"{verb}: {wrong.Message}");
            return ExitCodes.Usage;
        }
        catch (OperationCanceledException)
        {
            // Interrupted before there was anything to report.
            return ExitCodes.Interrupted;
        }
    }

    // With the group it belongs to, as the user wrote it: "fleet sim compare".
    private static string Verb(CommandResult command) =>
        command.Parent is CommandResult { Command: not RootCommand } group ? $"{Verb(group)} {command.Command.Name}" : $"fleet {command.Command.Name}";
}
