namespace FleetRouter.Gateway.Tests.Engines;

/// <summary>Finds the recorded wire data beside the repository; skips the test where a checkout comes without it.</summary>
internal static class RecordedData
{
    public static byte[] Read(string path) => File.ReadAllBytes(SharedFiles.Find(Path.Combine("fixtures", path)));

    public static string[] MetricsPages()
    {
        string folder = CheckoutFolder.Shared(Path.Combine("fixtures", "metrics"));
        if (!Directory.Exists(folder)) Assert.Skip("no recorded data at ../shared/fixtures/metrics");
        return [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)];
    }
}
