namespace FleetRouter.Tests;

/// <summary>Real traces and recorded data, which lie beside the repository and not in it.</summary>
internal static class SharedFiles
{
    /// <summary>The full path of a file there; the test is skipped where it is absent.</summary>
    public static string Find(string relative)
    {
        string file = CheckoutFolder.Shared(relative);
        Assert.SkipUnless(File.Exists(file), $"../shared/{relative} is not beside the repository");
        return file;
    }
}
