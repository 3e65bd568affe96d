namespace FleetRouter.Gateway.Tests.Engines;

/// <summary>Finds the recorded wire data beside the repository; skips the test where a checkout comes without it.</summary>
internal static class RecordedData
{
    public static string Repository { get; } = FindRepository();

    public static byte[] Read(string path)
    {
        string file = Path.Combine(Repository, "..", "shared", "fixtures", path);
        if (!File.Exists(file)) Assert.Skip($"no recorded data at ../shared/fixtures/{path}");
        return File.ReadAllBytes(file);
    }

    public static string[] MetricsPages()
    {
        string folder = Path.Combine(Repository, "..", "shared", "fixtures", "metrics");
        if (!Directory.Exists(folder)) Assert.Skip("no recorded data at ../shared/fixtures/metrics");
        return [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)];
    }

    private static string FindRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "FleetRouter.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"no FleetRouter.sln above {AppContext.BaseDirectory}");
    }
}
