using System.CommandLine;
using FleetRouter.Benchmarks.Cluster;
using FleetRouter.Benchmarks.Decide;
using FleetRouter.Benchmarks.Overhead;

var root = new RootCommand("Measures FleetRouter on this machine.")
{
    DecideCommand.Create(),
    OverheadVerb.Command(),
    ClusterCommand.Command(),
    PlainForwarder.Command(),
#if ORLEANS
    ClusterGateway.Command(),
#endif
};
return await root.Parse(args).InvokeAsync();
