using System.CommandLine;
using FleetRouter.Gateway;

var commands = new RootCommand("The FleetRouter gateway: an OpenAI-compatible front door to pools of vLLM engines.")
{
    RunVerb.Command(),
    CheckVerb.Command(),
    DocsVerb.Command(),
};
// Longer than the time the gateway takes to serve what is in flight after SIGTERM.
return await commands.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = GatewayServer.StopTime + TimeSpan.FromSeconds(5) });
