#pragma warning disable OPENAI001 // The responses client is marked as experimental; it is what users have.
using System.ClientModel;
using System.Text;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Simulation.Text;
using OpenAI.Responses;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>Conversations that the router keeps, by the real OpenAI .NET client: what its users may expect, whatever keeps them and however many
/// gateways they come through.</summary>
public abstract class ConversationSuite
{
    private const int Tokens = 5;

    /// <summary>Clients of two gateways, or of one twice.</summary>
    private protected abstract Task<(ResponsesClient One, ResponsesClient Other)> ClientsAsync();

    private static CreateResponseOptions Ask(string question, string? previous = null, bool stream = false) =>
        new(GatewayUnderTest.Model, [ResponseItem.CreateUserMessageItem(question)]) { MaxOutputTokenCount = Tokens, PreviousResponseId = previous, StreamingEnabled = stream ? true : null };

    internal static async Task<(string Id, string Text)> TurnAsync(ResponsesClient client, string question, string? previous = null, bool stream = false)
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
    protected static string Expected(params string[] said) => SyntheticAnswer.To(ChatPrompt.Render(
        [.. said.Select((text, i) => new ChatMessage(i % 2 == 0 ? "user" : "assistant", text))], true, false, null).Tokens).Text(0, Tokens);

    /// <summary>An answer can be had in no way.</summary>
    protected static async Task IsUnknownAsync(ResponsesClient client, string id)
    {
        foreach (Func<Task> call in (Func<Task>[])[() => client.GetResponseAsync(id), () => client.DeleteResponseAsync(id), () => TurnAsync(client, "On?", id), () => TurnAsync(client, "On?", id, stream: true)])
            Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(call)).Status);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_conversation_goes_on_by_the_id_of_its_last_turn(bool stream)
    {
        (ResponsesClient one, ResponsesClient other) = await ClientsAsync();
        var said = new List<string>();
        string? previous = null;
        foreach ((ResponsesClient client, string question) in ((ResponsesClient, string)[])[(one, "Who are you?"), (other, "And \"then\"?"), (one, "Schön. More?")])
        {
            said.Add(question);
            (previous, string answer) = await TurnAsync(client, question, previous, stream);
            Assert.Equal(Expected([.. said]), answer);
            said.Add(answer);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_turn_is_read_listed_and_deleted(bool stream)
    {
        (ResponsesClient one, ResponsesClient other) = await ClientsAsync();
        (string first, string answer) = await TurnAsync(one, "One?", null, stream);
        (string second, string next) = await TurnAsync(other, "Two?", first, stream);
        foreach (ResponsesClient client in (ResponsesClient[])[one, other])
        {
            ResponseResult read = await client.GetResponseAsync(second);
            Assert.Equal((second, first, next), (read.Id, read.PreviousResponseId, read.GetOutputText()));
            var items = new List<ResponseItem>();
            await foreach (ResponseItem item in client.GetResponseInputItemsAsync(second))
                items.Add(item);
            var message = Assert.IsAssignableFrom<MessageResponseItem>(Assert.Single(items));
            Assert.Equal((MessageRole.User, "Two?"), (message.Role, message.Content[0].Text));
            Assert.NotEmpty(message.Id);
        }

        ResponseDeletionResult deleted = await one.DeleteResponseAsync(second);
        Assert.Equal((second, true), (deleted.ResponseId, deleted.Deleted));
        await IsUnknownAsync(other, second);
        await IsUnknownAsync(one, second);
        Assert.Equal(Expected("One?", answer, "Again?"), (await TurnAsync(other, "Again?", first, stream)).Text);
    }

    [Fact]
    public async Task An_id_that_nobody_gave_is_unknown()
    {
        (ResponsesClient one, ResponsesClient other) = await ClientsAsync();
        await IsUnknownAsync(one, "resp_nobody_gave_this");
        await IsUnknownAsync(other, "resp_nobody_gave_this");
    }

    [Fact]
    public async Task Two_turns_that_race_on_one_are_both_kept()
    {
        (ResponsesClient one, ResponsesClient other) = await ClientsAsync();
        (string first, string answer) = await TurnAsync(one, "Fork?");
        (string Id, string Text)[] two = await Task.WhenAll(TurnAsync(one, "Left?", first), TurnAsync(other, "Right?", first, stream: true));
        Assert.NotEqual(two[0].Id, two[1].Id);
        Assert.Equal((Expected("Fork?", answer, "Left?"), Expected("Fork?", answer, "Right?")), (two[0].Text, two[1].Text));
        Assert.Equal(Expected("Fork?", answer, "Left?", two[0].Text, "On?"), (await TurnAsync(other, "On?", two[0].Id)).Text);
        Assert.Equal(Expected("Fork?", answer, "Right?", two[1].Text, "On?"), (await TurnAsync(one, "On?", two[1].Id)).Text);
    }

    [Fact]
    public async Task What_is_not_to_be_kept_is_not()
    {
        (ResponsesClient one, ResponsesClient other) = await ClientsAsync();
        CreateResponseOptions options = Ask("Secret?");
        options.StoredOutputEnabled = false;
        ResponseResult answer = await one.CreateResponseAsync(options);
        await IsUnknownAsync(one, answer.Id);
        await IsUnknownAsync(other, answer.Id);
    }

    [Fact]
    public async Task Only_answers_in_the_background_can_be_cancelled_and_none_is_offered()
    {
        (ResponsesClient one, ResponsesClient other) = await ClientsAsync();
        (string id, _) = await TurnAsync(one, "One?");
        ClientResultException refused = await Assert.ThrowsAsync<ClientResultException>(() => other.CancelResponseAsync(id));
        Assert.Equal(400, refused.Status);
        Assert.Contains("Cannot cancel a synchronous response.", refused.Message);
        CreateResponseOptions options = Ask("Later?");
        options.BackgroundModeEnabled = true;
        refused = await Assert.ThrowsAsync<ClientResultException>(() => one.CreateResponseAsync(options));
        Assert.Equal(400, refused.Status);
        Assert.Contains("background", refused.Message);
    }
}
