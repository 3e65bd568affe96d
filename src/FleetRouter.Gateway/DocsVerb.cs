using System.CommandLine;
using FleetRouter.Domain.Placement;
using FleetRouter.Gateway.Configuration;

namespace FleetRouter.Gateway;

/// <summary><c>docs</c>: writes the configuration reference from the options themselves.</summary>
internal static class DocsVerb
{
    public static Command Command()
    {
        var command = new Command("docs", "Print the configuration reference (docs/configuration.md).") { Hidden = true };
        command.SetAction(_ => Console.Write(ConfigurationReference.Write(PlacementPolicies.Names)));
        return command;
    }
}
