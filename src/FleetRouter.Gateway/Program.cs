using System.CommandLine;
using FleetRouter.Gateway;

// Sockets complete on the thread that saw them ready: a hop less for every chunk. Read once, at the first socket.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", Environment.GetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS") ?? "0");

return await new RootCommand("The FleetRouter gateway: an OpenAI-compatible front door to pools of vLLM engines.")
{
    RunVerb.Command(),
    CheckVerb.Command(),
    DocsVerb.Command(),
}.Parse(args).InvokeAsync();
