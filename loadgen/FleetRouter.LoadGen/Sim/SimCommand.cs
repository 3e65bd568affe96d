using System.CommandLine;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The sim verbs: fleets simulated in virtual time, round the gateway's own judgement.</summary>
internal static class SimCommand
{
    public static Command Create() => new("sim", "Simulate a fleet in virtual time, round the very judgement a gateway runs.")
    {
        CompareCommand.Create(),
        MatrixCommand.Create(),
        MigrationCommand.Create(),
        PublishedCommand.Create(),
        SafetyCommand.Create(),
        ValidateCommand.Create(),
    };
}
