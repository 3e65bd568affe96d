#pragma warning disable OPENAI001 // The responses client is marked as experimental; it is what users have.
using FleetRouter.Gateway.Tests.Clients;
using OpenAI.Responses;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>Conversations that two gateways share, by both real clients. One of them may be killed.</summary>
public abstract class SharedConversationSuite(TwoGateways gateways) : ConversationSuite
{
    private static ResponsesClient Of(GatewayProcess gateway) => OpenAiDotNetTests.OpenAi(gateway.Address).GetResponsesClient();

    private protected override async Task<(ResponsesClient One, ResponsesClient Other)> ClientsAsync() =>
        await gateways.ReadyAsync() is var (one, other) ? (Of(one), Of(other)) : default;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_conversation_goes_on_through_the_other_gateway_once_the_first_is_killed(bool stream)
    {
        (GatewayProcess one, GatewayProcess other) = await gateways.ReadyAsync();
        (string first, string answer) = await TurnAsync(Of(one), "One?", null, stream);
        await one.KillAsync();
        Assert.Equal(answer, (await Of(other).GetResponseAsync(first)).Value.GetOutputText());
        (string second, string next) = await TurnAsync(Of(other), "Two?", first, stream);
        Assert.Equal(Expected("One?", answer, "Two?"), next);
        (one, _) = await gateways.ReadyAsync();
        Assert.Equal(Expected("One?", answer, "Two?", next, "Three?"), (await TurnAsync(Of(one), "Three?", second, stream)).Text);
    }

    [Fact]
    public async Task What_has_expired_is_unknown()
    {
        (GatewayProcess one, GatewayProcess other) = await gateways.ReadyAsync();
        string id = await gateways.ExpiredAsync();
        await IsUnknownAsync(Of(one), id);
        await IsUnknownAsync(Of(other), id);
    }

    [Fact]
    public async Task The_openai_npm_client_passes_its_suite_of_responses()
    {
        await OpenAiNode.InstallAsync();
        (GatewayProcess one, GatewayProcess other) = await gateways.ReadyAsync();
        string output = await OpenAiNode.PassesAsync(["responses.test.mjs"], new()
        {
            ["GATEWAY_URL"] = one.Address.GetLeftPart(UriPartial.Authority),
            ["OTHER_URL"] = other.Address.GetLeftPart(UriPartial.Authority),
            ["GATEWAY_PID"] = one.Id.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["EXPIRED_ID"] = await gateways.ExpiredAsync(),
        });
        Assert.Contains("an id that has expired is unknown", output);
        Assert.Contains("once the first is killed", output);
    }
}

/// <summary>Conversations of two gateways that share a database.</summary>
[Collection(nameof(TwoGateways))]
public sealed class EmbeddedConversationTests(TwoEmbeddedGateways gateways) : SharedConversationSuite(gateways), IClassFixture<TwoEmbeddedGateways>;

/// <summary>Conversations of two gateways of a cluster.</summary>
[Collection(nameof(TwoGateways))]
public sealed class ClusterConversationTests(TwoGatewaysOfACluster gateways) : SharedConversationSuite(gateways), IClassFixture<TwoGatewaysOfACluster>;
