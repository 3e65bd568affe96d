using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Configuration;

namespace FleetRouter.Gateway.Tests.Clients;

/// <summary>The real openai npm client (tests/clients/openai-node) against gateways of this process.</summary>
public sealed class OpenAiNodeTests
{
    [Fact]
    public async Task The_openai_npm_client_passes_its_suite()
    {
        await OpenAiNode.InstallAsync();
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

        string output = await OpenAiNode.PassesAsync(["suite.test.mjs", "responses.test.mjs"], new()
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
        Assert.Contains("skipped 0", output);
        foreach (GatewayUnderTest gateway in (GatewayUnderTest[])[plain, keyed, small, busy, empty, breaking])
            await gateway.NoLeaseLeft();
        foreach (var engine in plain.Engines!.Instances)
            await engine.WhenIdleAsync().WaitAsync(TimeSpan.FromSeconds(60));
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
