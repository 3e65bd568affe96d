namespace FleetRouter.Simulation.Tests.Traces;

/// <summary>Real traces beside the repository; tests that need them are skipped where they are absent.</summary>
internal static class SharedTraces
{
    public static string Find(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FleetRouter.sln"))) folder = folder.Parent;
        var path = folder is null ? null : Path.Combine(folder.Parent!.FullName, "shared", relative);
        if (path is null || !File.Exists(path)) Assert.Skip($"shared/{relative} is not beside the repository");
        return path!;
    }
}
