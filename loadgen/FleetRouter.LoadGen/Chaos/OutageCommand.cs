using System.CommandLine;
using FleetRouter.LoadGen.Reports;

namespace FleetRouter.LoadGen.Chaos;

/// <summary>The chaos outage verb: instances that die, flap, or are all gone.</summary>
internal static class OutageCommand
{
    public static Command Create()
    {
        var engines = OptionKinds.UpTo(64, "--engines", "Engine stand-ins, 3 to 64.", 8);
        var seed = OptionKinds.SeedOf("the requests");
        var json = OptionKinds.JsonFile();
        var noProgress = OptionKinds.WithoutProgress();
        var command = new Command("outage", """
            Send a light load to a gateway in front of engine stand-ins while one dies and comes back, then one falls every second; then
            have all die at once and come back. Exit code 0 only if no client of the others saw an error, the dead one was out of rotation
            within one failed attempt, the flapping one got no work early, a fleet without engines answered 503 within a second, and it
            served again once they were back, all without a restart of the gateway.
            """)
        {
            engines, seed, json, noProgress,
        };
        command.SetAction((parsed, _) => Run(Math.Max(3, parsed.GetValue(engines)), parsed.GetValue(seed), parsed.GetValue(noProgress), parsed.GetValue(json)));
        return command;
    }

    private static Task<int> Run(int engines, ulong seed, bool noProgress, string? json) =>
        ChaosCommand.Judge(json, new OutageRun(engines, seed, noProgress).Run);
}
