using System.CommandLine;

namespace FleetRouter.LoadGen.Sim;

/// <summary>The sim verb: what is proved in virtual time.</summary>
internal static class SimCommand
{
    public static Command Create() => new("sim", "Simulate fleets in virtual time round the gateway's own judgement.")
    {
        SafetyCommand.Create(),
        ValidateCommand.Create(),
    };
}
