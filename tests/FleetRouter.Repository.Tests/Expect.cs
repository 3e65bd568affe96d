namespace FleetRouter.Repository.Tests;

/// <summary>Fails with every line in full, so that all of them can be put right at once.</summary>
internal static class Expect
{
    public static void None(IEnumerable<string> violations)
    {
        var all = violations.ToList();
        Assert.True(all.Count == 0, $"{all.Count} found:\n{string.Join('\n', all)}");
    }
}
