using System.ComponentModel;
using System.Diagnostics;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Configuration;
using FleetRouter.Gateway.Tests.Engines;

namespace FleetRouter.Gateway.Tests.Clients;

/// <summary>The real openai npm client (tests/clients/openai-node) against gateways of this process.</summary>
public sealed class OpenAiNodeTests
{
    private static readonly string Folder = Path.Combine(RecordedData.Repository, "tests", "clients", "openai-node");

    [Fact]
    public async Task The_openai_npm_client_passes_its_suite()
    {
        if ((await RunAsync("node", ["--version"])).Exit != 0)
            Assert.Skip("node is not installed; the openai npm client is not tested");
        if (!Directory.Exists(Path.Combine(Folder, "node_modules", "openai")))
        {
            (int exit, string said) = await RunAsync("npm", ["ci", "--no-audit", "--no-fund"]);
            if (exit != 0)
                Assert.Skip($"npm could not install the openai client, which is not tested: {said}");
        }

        await using GatewayUnderTest plain = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast());
        await using GatewayUnderTest keyed = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: o => o with { ApiKeys = [Keys.Configured] });
        await using GatewayUnderTest small = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: o => o with { MaxBodyBytes = 4_096 });
        await using GatewayUnderTest busy = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), pool => pool with { MaxAttempts = 1 });
        busy.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Reject));
        await using GatewayUnderTest empty = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        await empty.Engines!.Instances[0].CrashAsync();
        await empty.UntilAsync(state => state.Ready == 0, "the crash noticed");
        await using GatewayUnderTest breaking = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        breaking.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Cut) { AfterTokens = 3 });

        (int failures, string output) = await RunAsync("node", ["--test", "--test-reporter=spec"], new()
        {
            ["GATEWAY_URL"] = plain.Server.Address,
            ["ADMIN_URL"] = plain.Server.AdminAddress,
            ["KEYED_URL"] = keyed.Server.Address,
            ["KEY"] = Keys.Secret,
            ["SMALL_BODY_URL"] = small.Server.Address,
            ["BUSY_URL"] = busy.Server.Address,
            ["EMPTY_URL"] = empty.Server.Address,
            ["BREAKING_URL"] = breaking.Server.Address,
        });
        TestContext.Current.TestOutputHelper!.WriteLine(output);
        Assert.True(failures == 0, output);
        Assert.Contains("skipped 0", output);
        foreach (GatewayUnderTest gateway in (GatewayUnderTest[])[plain, keyed, small, busy, empty, breaking])
            await gateway.NoLeaseLeft();
        foreach (var engine in plain.Engines!.Instances)
            await engine.WhenIdleAsync().WaitAsync(TimeSpan.FromSeconds(60));
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

/// <summary>A key, and the hash of it that a configuration holds.</summary>
internal static class Keys
{
    public const string Secret = "sk-test-1234";

    public static readonly ApiKey Configured = new()
    {
        Name = "tests",
        Sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Secret))),
    };
}
