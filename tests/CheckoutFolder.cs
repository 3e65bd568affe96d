namespace FleetRouter.Tests;

/// <summary>The repository that these tests were built in.</summary>
internal static class CheckoutFolder
{
    /// <summary>Its root.</summary>
    public static string Root { get; } = Find();

    /// <summary>A path under the folder of traces and recorded data that may lie beside it.</summary>
    public static string Shared(string relative) => Path.Combine(Path.GetDirectoryName(Root)!, "shared", relative);

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "FleetRouter.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"no FleetRouter.sln above {AppContext.BaseDirectory}");
    }
}
