using System.Diagnostics;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Orleans.Tests.Versions;

/// <summary>The oldest build that has to work beside this one in a cluster, by its commit, of which it is built here once.</summary>
internal static class OldestPeer
{
    /// <summary>Where its commit is written.</summary>
    public const string Written = "src/FleetRouter.Orleans/Wire/oldest-peer.txt";

    private static string Commit => File.ReadAllText(Path.Combine(CheckoutFolder.Root, Written)).Trim();

    /// <summary>A file as it was in that build; skips the test where this checkout has no such history.</summary>
    public static async Task<string> FileAsync(string path)
    {
        await FindAsync();
        return await SucceedAsync("git", "show", $"{Commit}:{path}");
    }

    /// <summary>Its gateway's program; skips the test where this checkout has no such history.</summary>
    public static async Task<string> GatewayAsync()
    {
        await FindAsync();
        string home = Path.Combine(CheckoutFolder.Root, "artifacts", "oldest-peer"), folder = Path.Combine(home, Commit), built = Path.Combine(folder, "artifacts", "is-built");
        if (!File.Exists(built))
        {
            if (Directory.Exists(home))
                Directory.Delete(home, recursive: true);
            Directory.CreateDirectory(folder);
            await SucceedAsync("git", "archive", "--format=tar", $"--output={folder}.tar", Commit);
            await SucceedAsync("tar", "-xf", $"{folder}.tar", "-C", folder);
            await SucceedAsync("dotnet", "build", Path.Combine(folder, "src", "FleetRouter.Gateway"), "-c", "Release", "-v", "q", "--nologo", "--disable-build-servers", "-p:OrleansAvailable=true");
            await File.WriteAllTextAsync(built, "");
        }
        return GatewayProcess.Program(Path.Combine(folder, "artifacts", "bin"), "release");
    }

    private static async Task FindAsync()
    {
        Assert.Matches("^[0-9a-f]{40}$", Commit);
        if ((await RunAsync("git", "cat-file", "-e", Commit + "^{commit}")).Exit != 0)
            Assert.Skip($"the build before is not tested beside this one: commit {Commit} of {Written} is not in this checkout's history");
    }

    private static async Task<string> SucceedAsync(string program, params string[] arguments)
    {
        (int exit, string output) = await RunAsync(program, arguments);
        Assert.True(exit == 0, $"{program} {string.Join(' ', arguments)} ended with {exit}: {output}");
        return output;
    }

    private static async Task<(int Exit, string Output)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = CheckoutFolder.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        // Where this runs within a build, that build's settings are none of the other's.
        foreach (string name in start.Environment.Keys.Where(k => k.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        try
        {
            using var process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return (process.ExitCode, await output + await errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, $"{program} is not installed");
        }
    }
}
