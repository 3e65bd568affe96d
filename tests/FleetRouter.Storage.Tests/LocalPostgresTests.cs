using FleetRouter.LoadGen.Demo;

namespace FleetRouter.Storage.Tests;

public sealed class LocalPostgresTests
{
    [Fact]
    public void The_newest_of_the_installed_versions_is_taken_by_number()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("fleetrouter-versions-");
        try
        {
            Assert.Null(LocalPostgres.NewestUnder(folder.FullName));
            foreach (string version in new[] { "9", "14", "100", "16", "9.6", "common" })
                File.WriteAllText(Path.Combine(folder.CreateSubdirectory($"{version}/bin").FullName, "initdb"), "");
            folder.CreateSubdirectory("101");   // its server is not installed
            Assert.Equal(Path.Combine(folder.FullName, "100", "bin"), LocalPostgres.NewestUnder(folder.FullName));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
