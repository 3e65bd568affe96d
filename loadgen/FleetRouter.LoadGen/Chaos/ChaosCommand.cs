using System.CommandLine;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>The chaos verbs: a real gateway in front of stand-ins that fail.</summary>
internal static class ChaosCommand
{
    public static Command Create() => new("chaos", "Run the gateway in front of engine stand-ins that fail, and prove that clients do not notice.")
    {
        StreamsCommand.Create(),
        DrainCommand.Create(),
        OutageCommand.Create(),
        Cluster.ClusterCommand.Create(),
        Cluster.DatabaseCommand.Create(),
    };
}
