using System.CommandLine;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Configuration;

namespace FleetRouter.Gateway;

/// <summary><c>check</c>: says every mistake in a configuration file, or that there is none.</summary>
internal static class CheckVerb
{
    public static Command Command()
    {
        var file = new Argument<string>("FILE") { Description = "Configuration file (YAML; docs/configuration.md)." };
        var command = new Command("check", "Check a configuration file; exit code 0 only if it can be used.") { file };
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(file)!;
            ConfigurationReading reading = new ConfigurationReader(PlacementPolicies.Names).ReadFile(path);
            if (reading.Options is not { } options)
                return Fail(reading);
            Console.WriteLine($"{path}: good ({options.Pools.Count} {(options.Pools.Count == 1 ? "pool" : "pools")}: {string.Join(", ", options.Pools.Select(p => p.Options.Name))})");
            return 0;
        });
        return command;
    }

    /// <summary>Prints every problem, one a line.</summary>
    public static int Fail(ConfigurationReading reading)
    {
        foreach (ConfigurationProblem problem in reading.Problems)
            Console.Error.WriteLine(problem);
        return 1;
    }
}
