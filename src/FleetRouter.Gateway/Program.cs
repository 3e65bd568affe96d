using System.CommandLine;
using FleetRouter.Gateway;
using FleetRouter.Gateway.Admin;
using FleetRouter.Gateway.Why;

// Sockets complete on the thread that saw them ready, a hop less for every chunk: a fifth less CPU a request, a quarter less a
// chunk (./fleet bench overhead). The runtime reads this once, at the first socket, and only from the environment.
const string inlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
Environment.SetEnvironmentVariable(inlineCompletions, Environment.GetEnvironmentVariable(inlineCompletions) ?? "1");

var commands = new RootCommand("The FleetRouter gateway: an OpenAI-compatible front door to pools of vLLM engines.")
{
    RunVerb.Command(),
    CheckVerb.Command(),
    WhyVerb.Command(),
    DrainVerb.Command(),
    DocsVerb.Command(),
};
// Longer than the time the gateway takes to serve what is in flight after SIGTERM.
return await commands.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = GatewayServer.StopTime + TimeSpan.FromSeconds(5) });
