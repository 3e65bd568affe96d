namespace FleetRouter.Simulation.Tests;

/// <summary>Real traces and recorded data beside the repository.</summary>
internal static class SharedFiles
{
    /// <summary>A file under shared; the test is skipped where there is none.</summary>
    public static string Find(string relative)
    {
        string file = CheckoutFolder.Shared(relative);
        Assert.SkipUnless(File.Exists(file), $"../shared/{relative} is not beside the repository");
        return file;
    }
}
