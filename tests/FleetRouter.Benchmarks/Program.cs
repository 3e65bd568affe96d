using System.CommandLine;
using FleetRouter.Benchmarks.Decide;

var root = new RootCommand("Measures FleetRouter on this machine.")
{
    DecideCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
