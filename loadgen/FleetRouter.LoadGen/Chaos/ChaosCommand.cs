using System.CommandLine;
using FleetRouter.LoadGen.Reports;

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

    /// <summary>Measures, tells what was found, and judges it.</summary>
    /// <param name="json">Where to write it too; null for nowhere.</param>
    /// <param name="measure">Measures.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> Judge<T>(string? json, Func<CancellationToken, Task<T>> measure) where T : IFindings
    {
        ReportFile.Try(json);
        using var interruption = new Interruption();
        var found = await measure(interruption.Stop);
        found.Write();
        ReportFile.Write(json, () => JsonReport.Text(found));
        return found.Holds ? ExitCodes.Ok : ExitCodes.SomeFailed;
    }
}

/// <summary>What a chaos verb found.</summary>
internal interface IFindings
{
    /// <summary>Whether all that was promised was kept.</summary>
    bool Holds { get; }

    /// <summary>Tells it on standard output.</summary>
    void Write();
}
