using System.CommandLine;
using FleetRouter.LoadGen;
using FleetRouter.LoadGen.Demo;
using FleetRouter.LoadGen.Replay;

var root = new RootCommand("Replays real and synthetic workloads against an OpenAI-compatible server and reports what its clients would have felt.")
{
    ReplayCommand.Create(),
    DemoCommand.Create(),
};
try
{
    // The verbs end early in their own way on Ctrl-C, with the report so far, and mind their own exceptions.
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
}
catch (UsageException wrong)
{
    Console.Error.WriteLine($"fleet {(args.Length > 0 ? args[0] : "")}: {wrong.Message}");
    return ExitCodes.Usage;
}
