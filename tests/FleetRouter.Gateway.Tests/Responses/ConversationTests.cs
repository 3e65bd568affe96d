#pragma warning disable OPENAI001 // The responses client is marked as experimental; it is what users have.
using System.ClientModel;
using System.Text;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Hosting.Conversations;
using FleetRouter.Simulation.Text;
using OpenAI.Responses;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>Conversations that the router keeps, by the real OpenAI .NET client.</summary>
public sealed class ConversationTests(SharedGateway shared) : IClassFixture<SharedGateway>
{
    private const int Tokens = 5;

    private ResponsesClient Client => Of(shared.Gateway);

    private static ResponsesClient Of(GatewayUnderTest gateway, string key = "none") => OpenAiDotNetTests.OpenAi(gateway, key).GetResponsesClient();

    private static CreateResponseOptions Ask(string question, string? previous = null, bool stream = false) =>
        new(GatewayUnderTest.Model, [ResponseItem.CreateUserMessageItem(question)]) { MaxOutputTokenCount = Tokens, PreviousResponseId = previous, StreamingEnabled = stream ? true : null };

    private static async Task<(string Id, string Text)> TurnAsync(ResponsesClient client, string question, string? previous = null, bool stream = false)
    {
        if (!stream)
        {
            ResponseResult whole = await client.CreateResponseAsync(Ask(question, previous));
            Assert.Equal(previous, whole.PreviousResponseId);
            return (whole.Id, whole.GetOutputText());
        }
        var ids = new HashSet<string>();
        var text = new StringBuilder();
        bool ended = false;
        await foreach (StreamingResponseUpdate update in await client.CreateResponseStreamingAsync(Ask(question, previous, stream)))
        {
            if ((update as StreamingResponseCreatedUpdate)?.Response is { } created)
                ids.Add(created.Id);
            ResponseResult? final = (update as StreamingResponseCompletedUpdate)?.Response ?? (update as StreamingResponseIncompleteUpdate)?.Response;
            if (final is not null)
            {
                Assert.Equal(previous, final.PreviousResponseId);
                ids.Add(final.Id);
                ended = true;
            }
            text.Append((update as StreamingResponseOutputTextDeltaUpdate)?.Delta);
        }
        Assert.True(ended);
        return (Assert.Single(ids), text.ToString());
    }

    /// <summary>What the stand-in answers once it is told the whole conversation.</summary>
    private static string Expected(params string[] said) => SyntheticAnswer.To(ChatPrompt.Render(
        [.. said.Select((text, i) => new ChatMessage(i % 2 == 0 ? "user" : "assistant", text))], true, false, null).Tokens).Text(0, Tokens);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_conversation_goes_on_by_the_id_of_its_last_turn(bool stream)
    {
        var said = new List<string>();
        string? previous = null;
        foreach (string question in (string[])["Who are you?", "And \"then\"?", "Schön. More?"])
        {
            said.Add(question);
            (previous, string answer) = await TurnAsync(Client, question, previous, stream);
            Assert.Equal(Expected([.. said]), answer);
            said.Add(answer);
        }
        await shared.Gateway.NoLeaseLeft();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_turn_is_read_listed_and_deleted(bool stream)
    {
        (string first, string answer) = await TurnAsync(Client, "One?", null, stream);
        (string second, string next) = await TurnAsync(Client, "Two?", first, stream);
        ResponseResult read = await Client.GetResponseAsync(second);
        Assert.Equal((second, first, next), (read.Id, read.PreviousResponseId, read.GetOutputText()));
        var items = new List<ResponseItem>();
        await foreach (ResponseItem item in Client.GetResponseInputItemsAsync(second))
            items.Add(item);
        var message = Assert.IsAssignableFrom<MessageResponseItem>(Assert.Single(items));
        Assert.Equal((MessageRole.User, "Two?"), (message.Role, message.Content[0].Text));
        Assert.NotEmpty(message.Id);

        ResponseDeletionResult deleted = await Client.DeleteResponseAsync(second);
        Assert.Equal((second, true), (deleted.ResponseId, deleted.Deleted));
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Client.GetResponseAsync(second))).Status);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Client.DeleteResponseAsync(second))).Status);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => TurnAsync(Client, "Three?", second))).Status);
        Assert.Equal(Expected("One?", answer, "Again?"), (await TurnAsync(Client, "Again?", first, stream)).Text);
    }

    [Fact]
    public async Task Two_turns_that_race_on_one_are_both_kept()
    {
        (string first, string answer) = await TurnAsync(Client, "Fork?");
        (string Id, string Text)[] two = await Task.WhenAll(TurnAsync(Client, "Left?", first), TurnAsync(Client, "Right?", first, stream: true));
        Assert.NotEqual(two[0].Id, two[1].Id);
        Assert.Equal((Expected("Fork?", answer, "Left?"), Expected("Fork?", answer, "Right?")), (two[0].Text, two[1].Text));
        Assert.Equal(Expected("Fork?", answer, "Left?", two[0].Text, "On?"), (await TurnAsync(Client, "On?", two[0].Id)).Text);
        Assert.Equal(Expected("Fork?", answer, "Right?", two[1].Text, "On?"), (await TurnAsync(Client, "On?", two[1].Id)).Text);
    }

    [Fact]
    public async Task What_is_not_to_be_kept_is_not()
    {
        CreateResponseOptions options = Ask("Secret?");
        options.StoredOutputEnabled = false;
        ResponseResult answer = await Client.CreateResponseAsync(options);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Client.GetResponseAsync(answer.Id))).Status);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => TurnAsync(Client, "On?", answer.Id))).Status);
    }

    [Fact]
    public async Task Only_answers_in_the_background_can_be_cancelled_and_none_is_offered()
    {
        (string id, _) = await TurnAsync(Client, "One?");
        ClientResultException refused = await Assert.ThrowsAsync<ClientResultException>(() => Client.CancelResponseAsync(id));
        Assert.Equal(400, refused.Status);
        Assert.Contains("Cannot cancel a synchronous response.", refused.Message);
        CreateResponseOptions options = Ask("Later?");
        options.BackgroundModeEnabled = true;
        refused = await Assert.ThrowsAsync<ClientResultException>(() => Client.CreateResponseAsync(options));
        Assert.Equal(400, refused.Status);
        Assert.Contains("background", refused.Message);
    }

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
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Of(gateway).GetResponseAsync(id))).Status);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => TurnAsync(Of(gateway), "Two?", id))).Status);
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
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Of(gateway, other).GetResponseAsync(id))).Status);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => TurnAsync(Of(gateway, other), "Mine?", id))).Status);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Of(gateway, other).DeleteResponseAsync(id))).Status);
        Assert.Equal(id, (await Of(gateway, Keys.Secret).GetResponseAsync(id)).Value.Id);
    }
}
