namespace FleetRouter.Simulation.Tests.EngineSim;

/// <summary>The recorded data that lies beside the repository.</summary>
internal static class Fixtures
{
    /// <summary>A file under shared; the test is skipped where there is none.</summary>
    public static string Path(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "FleetRouter.sln")))
            folder = folder.Parent;
        string path = System.IO.Path.Combine(folder?.Parent?.FullName ?? "", "shared", relative);
        if (!File.Exists(path))
            Assert.Skip($"shared/{relative} is not beside the repository");
        return path;
    }
}
