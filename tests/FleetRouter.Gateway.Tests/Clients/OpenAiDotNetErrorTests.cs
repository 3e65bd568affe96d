using System.ClientModel;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Tests.Hostile;
using OpenAI;
using OpenAI.Chat;

namespace FleetRouter.Gateway.Tests.Clients;

/// <summary>The real OpenAI .NET client against gateways that cannot serve it: each class of error as that client knows it.</summary>
public sealed class OpenAiDotNetErrorTests
{
    private static ChatClient Chat(GatewayUnderTest gateway, string key = "none") =>
        OpenAiDotNetTests.OpenAi(gateway, key).GetChatClient(GatewayUnderTest.Model);

    private static async Task<ClientResultException> RefusedAsync(ChatClient chat, string prompt = "hi") =>
        await Assert.ThrowsAsync<ClientResultException>(() => chat.CompleteChatAsync([new UserChatMessage(prompt)]));

    [Fact]
    public async Task Without_a_known_key_it_is_401()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: o => o with { ApiKeys = [Keys.Configured] });
        ClientResultException refused = await RefusedAsync(Chat(gateway, "sk-wrong"));
        Assert.Equal(401, refused.Status);
        Assert.Contains("invalid_api_key", refused.Message);
        Assert.DoesNotContain("sk-wrong", refused.Message);
        ChatCompletion admitted = await Chat(gateway, Keys.Secret).CompleteChatAsync([new UserChatMessage("hi")], new ChatCompletionOptions { MaxOutputTokenCount = 2 });
        Assert.Equal(8, admitted.Content[0].Text.Length);
        await gateway.NoLeaseLeft();
    }

    [Theory]
    [InlineData(64 << 10)]
    [InlineData(8 << 20)]
    public async Task A_body_beyond_the_bound_is_413(int length)
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), gateway: o => o with { MaxBodyBytes = 4_096 });
        ClientResultException refused = await RefusedAsync(Chat(gateway), new string('x', length));
        Assert.Equal(413, refused.Status);
        Assert.Contains("request_too_large", refused.Message);
        await gateway.ServesOnAsync();
    }

    [Fact]
    public async Task A_busy_fleet_is_429_with_retry_after()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(
            GatewayUnderTest.Fast(1), pool => pool with { MaxRequestsPerInstance = 1, MaxHeld = 0 });
        using RawClient first = await RawClient.ConnectAsync(gateway);
        await first.PostAsync(GatewayUnderTest.Endless("the first"));
        await first.UntilAsync("data: ");
        ClientResultException refused = await RefusedAsync(Chat(gateway));
        Assert.Equal(429, refused.Status);
        Assert.True(refused.GetRawResponse()!.Headers.TryGetValue("Retry-After", out string? after) && int.Parse(after!, System.Globalization.CultureInfo.InvariantCulture) >= 1);
        first.Reset();
        await gateway.ServesOnAsync();
    }

    [Fact]
    public async Task A_fleet_without_an_instance_is_503()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        await gateway.Engines!.Instances[0].CrashAsync();
        await gateway.UntilAsync(state => state.Ready == 0, "the crash noticed");
        ClientResultException refused = await RefusedAsync(Chat(gateway));
        Assert.Equal(503, refused.Status);
        Assert.Contains("no-instance", refused.Message);
        await gateway.NoLeaseLeft();
    }

    [Fact]
    public async Task A_stream_the_engine_breaks_off_throws_after_the_tokens_that_came()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        gateway.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Cut) { AfterTokens = 2 });
        string text = "";
        bool ended = false;
        Exception? thrown = await Record.ExceptionAsync(async () =>
        {
            await foreach (StreamingChatCompletionUpdate update in Chat(gateway).CompleteChatStreamingAsync([new UserChatMessage("hi")], new ChatCompletionOptions { ResponseFormat = ChatResponseFormat.CreateJsonObjectFormat() }))
            {
                text += string.Concat(update.ContentUpdate.Select(part => part.Text));
                ended |= update.FinishReason is not null;
            }
        });
        Assert.Equal(8, text.Length);
        Assert.False(ended);
        Assert.True(thrown is not null, "the client takes a broken stream for a whole one");
        gateway.Engines.Instances[0].Faults.Clear();
        await gateway.ServesOnAsync();
    }
}
