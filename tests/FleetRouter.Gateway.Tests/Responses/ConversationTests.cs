#pragma warning disable OPENAI001 // The responses client is marked as experimental; it is what users have.
using System.ClientModel;
using System.Text;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Hosting.Conversations;
using OpenAI.Responses;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>Conversations of one gateway, which keeps them in its memory.</summary>
public sealed class ConversationTests(SharedGateway shared) : ConversationSuite, IClassFixture<SharedGateway>, IAsyncLifetime
{
    private static ResponsesClient Of(GatewayUnderTest gateway, string key = "none") => OpenAiDotNetTests.OpenAi(gateway, key).GetResponsesClient();

    private protected override Task<(ResponsesClient One, ResponsesClient Other)> ClientsAsync() => Task.FromResult((Of(shared.Gateway), Of(shared.Gateway)));

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync() => await shared.Gateway.NoLeaseLeft();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_conversation_goes_on_when_its_engine_was_killed_between_two_turns(bool stream)
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast());
        (string first, string answer) = await TurnAsync(Of(gateway), "One?", null, stream);
        var home = Assert.Single(gateway.Engines!.Instances, e => e.Totals.Accepted > 0);
        await home.CrashAsync();
        Assert.Equal(Expected("One?", answer, "Two?"), (await TurnAsync(Of(gateway), "Two?", first, stream)).Text);
    }

    [Fact]
    public async Task What_has_expired_is_gone()
    {
        var time = new SetTime { Now = DateTimeOffset.UtcNow };
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            GatewayUnderTest.Fast(1), gateway: o => o with { Responses = new() { KeepFor = TimeSpan.FromDays(2) } }, conversations: new MemoryConversations(1 << 20, time));
        (string id, _) = await TurnAsync(Of(gateway), "One?");
        time.Now += TimeSpan.FromDays(1);
        Assert.Equal(id, (await Of(gateway).GetResponseAsync(id)).Value.Id);
        time.Now += TimeSpan.FromDays(2);
        await IsUnknownAsync(Of(gateway), id);
    }

    [Fact]
    public async Task A_key_finds_only_its_own()
    {
        const string other = "sk-other-5678";
        var second = new FleetRouter.Gateway.Configuration.ApiKey
        {
            Name = "others",
            Sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(other))),
        };
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: o => o with { ApiKeys = [Keys.Configured, second] });
        (string id, _) = await TurnAsync(Of(gateway, Keys.Secret), "Mine?");
        await IsUnknownAsync(Of(gateway, other), id);
        Assert.Equal(id, (await Of(gateway, Keys.Secret).GetResponseAsync(id)).Value.Id);
    }
}
