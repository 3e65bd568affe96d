using FleetRouter.LoadGen;

namespace FleetRouter.Simulation.Tests.LoadGen;

/// <summary>The verbs as a user calls them.</summary>
internal static class FleetCommand
{
    /// <summary>The exit code, and what was said on stderr.</summary>
    public static async Task<(int Code, string Errors)> Run(params string[] arguments)
    {
        var errors = new StringWriter();
        return (await CommandLine.Run(arguments, errors), errors.ToString().TrimEnd());
    }
}
