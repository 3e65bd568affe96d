namespace FleetRouter.Simulation.Tests;

/// <summary>Real traces and recorded data beside the repository.</summary>
internal static class SharedFiles
{
    /// <summary>A file under shared; the test is skipped where there is none.</summary>
    public static string Find(string relative)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FleetRouter.sln")))
            folder = folder.Parent;
        string path = Path.Combine(folder?.Parent?.FullName ?? "", "shared", relative);
        Assert.SkipUnless(File.Exists(path), $"../shared/{relative} is not beside the repository");
        return path;
    }
}
