using System.ComponentModel;
using System.Diagnostics;
using FleetRouter.Gateway.Tests.Engines;

namespace FleetRouter.Gateway.Tests.Clients;

/// <summary>The real openai npm client's suites (tests/clients/openai-node).</summary>
internal static class OpenAiNode
{
    private static readonly string Folder = Path.Combine(CheckoutFolder.Root, "tests", "clients", "openai-node");
    private static readonly SemaphoreSlim Installing = new(1);

    /// <summary>Installs the client; skips the test where that cannot be.</summary>
    public static async Task InstallAsync()
    {
        if ((await RunAsync("node", ["--version"])).Exit != 0)
            Assert.Skip("node is not installed; the openai npm client is not tested");
        await Installing.WaitAsync();
        try
        {
            if (Directory.Exists(Path.Combine(Folder, "node_modules", "openai")))
                return;
            (int exit, string said) = await RunAsync("npm", ["ci", "--no-audit", "--no-fund"]);
            if (exit != 0)
                Assert.Skip($"npm could not install the openai client, which is not tested: {said}");
        }
        finally
        {
            Installing.Release();
        }
    }

    /// <summary>Runs suites, and fails with their output if they do.</summary>
    /// <param name="suites">Their files.</param>
    /// <param name="environment">What they are told.</param>
    /// <returns>What they wrote: every test by its name.</returns>
    public static async Task<string> PassesAsync(string[] suites, Dictionary<string, string> environment)
    {
        (int failures, string output) = await RunAsync("node", ["--test", "--test-reporter=spec", .. suites], environment);
        TestContext.Current.TestOutputHelper!.WriteLine(output);
        Assert.True(failures == 0, output);
        return output;
    }

    private static async Task<(int Exit, string Output)> RunAsync(string program, string[] arguments, Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment ?? [])
            start.Environment[name] = value;
        try
        {
            using var process = Process.Start(start)!;
            using var late = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            try
            {
                Task<string> output = process.StandardOutput.ReadToEndAsync(late.Token), errors = process.StandardError.ReadToEndAsync(late.Token);
                await process.WaitForExitAsync(late.Token);
                return (process.ExitCode, await output + await errors);
            }
            finally
            {
                if (!process.HasExited)
                    process.Kill(entireProcessTree: true);
            }
        }
        catch (Win32Exception)
        {
            return (-1, $"{program} is not installed");
        }
    }
}
