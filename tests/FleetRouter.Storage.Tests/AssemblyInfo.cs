[assembly: AssemblyFixture(typeof(FleetRouter.Storage.Tests.SharedServer))]
