using System.Net;
using FleetRouter.Gateway.Tests.Clients;

namespace FleetRouter.Gateway.Tests.Hostile;

/// <summary>Requests that wait in the router, and clients that do not.</summary>
public sealed class HeldClientTests
{
    private static Task<GatewayUnderTest> OneAtATimeAsync(int maxHeld) => GatewayUnderTest.StartAsync(
        GatewayUnderTest.Fast(1), pool => pool with { MaxRequestsPerInstance = 1, MaxHeld = maxHeld, MaxHoldTime = TimeSpan.FromMinutes(5) });

    [Fact]
    public async Task A_held_request_is_served_when_the_one_before_it_ends()
    {
        await using GatewayUnderTest gateway = await OneAtATimeAsync(4);
        using RawClient first = await RawClient.ConnectAsync(gateway);
        await first.PostAsync(GatewayUnderTest.Endless("the first"));
        await first.UntilAsync("data: ");
        Task<HttpResponseMessage> second = gateway.PostAsync("/v1/chat/completions", GatewayUnderTest.Chat("the second", 3));
        await gateway.UntilAsync(state => state.Held == 1, "the second held");
        first.Reset();
        Assert.Equal(HttpStatusCode.OK, (await second).StatusCode);
        await gateway.ServesOnAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_vanishes_while_held_leaves_its_place(bool reset)
    {
        await using GatewayUnderTest gateway = await OneAtATimeAsync(1);
        using RawClient first = await RawClient.ConnectAsync(gateway);
        await first.PostAsync(GatewayUnderTest.Endless("the first"));
        await first.UntilAsync("data: ");
        using RawClient second = await RawClient.ConnectAsync(gateway);
        await second.PostAsync(GatewayUnderTest.Chat("the second", 3));
        await gateway.UntilAsync(state => state.Held == 1, "the second held");
        if (reset)
            second.Reset();
        else
            second.HalfClose();
        await gateway.UntilAsync(state => state is { Held: 0, Leases: 1 }, "nothing held");

        using RawClient third = await RawClient.ConnectAsync(gateway);
        await third.PostAsync(GatewayUnderTest.Chat("the third", 3));
        await gateway.UntilAsync(state => state.Held == 1, "the third in the place of the second");
        using RawClient fourth = await RawClient.ConnectAsync(gateway);
        await fourth.PostAsync(GatewayUnderTest.Chat("the fourth", 3));
        RawAnswer refused = (await fourth.ReadAsync())!;
        refused.IsError(429, "hold-queue-full");
        Assert.True(int.Parse(refused.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture) >= 1);
        first.Reset();
        Assert.Equal(200, (await third.ReadAsync())!.Status);
        await gateway.ServesOnAsync();
    }

    [Fact]
    public async Task A_hold_that_takes_too_long_is_429()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            GatewayUnderTest.Fast(1), pool => pool with { MaxRequestsPerInstance = 1, MaxHoldTime = TimeSpan.FromMilliseconds(100) });
        using RawClient first = await RawClient.ConnectAsync(gateway);
        await first.PostAsync(GatewayUnderTest.Endless("the first"));
        await first.UntilAsync("data: ");
        using RawClient second = await RawClient.ConnectAsync(gateway);
        await second.PostAsync(GatewayUnderTest.Chat("the second", 3));
        RawAnswer answer = (await second.ReadAsync())!;
        answer.IsError(429, "hold-expired");
        Assert.True(answer.Headers.ContainsKey("Retry-After"));
        first.Reset();
        await gateway.ServesOnAsync();
    }
}
