using System.CommandLine;
using FleetRouter.Benchmarks.Decide;
using FleetRouter.Benchmarks.Overhead;

var root = new RootCommand("Measures FleetRouter on this machine.")
{
    DecideCommand.Create(),
    OverheadVerb.Command(),
    PlainForwarder.Command(),
};
return await root.Parse(args).InvokeAsync();
