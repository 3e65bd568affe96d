return await FleetRouter.LoadGen.CommandLine.Run(args, Console.Error);
