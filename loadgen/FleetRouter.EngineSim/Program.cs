using FleetRouter.EngineSim;

return await CommandLine.RunAsync(args);
