namespace FleetRouter.Domain.Tests;

/// <summary>Files that lie beside the repository and not in it.</summary>
internal static class SharedFiles
{
    /// <summary>The file's full path; the test is skipped where it is absent.</summary>
    public static string Find(string path)
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "FleetRouter.sln")))
            root = root.Parent;
        string file = Path.Combine(root?.Parent?.FullName ?? "", "shared", path);
        Assert.SkipUnless(File.Exists(file), $"../shared/{path} is not beside the repository");
        return file;
    }
}
