#pragma warning disable OPENAI001, SCME0001 // The responses client and extra fields are marked as experimental; they are what users have.
using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text;
using System.Text.Json;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Simulation.Text;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Responses;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace FleetRouter.Gateway.Tests.Clients;

/// <summary>The real OpenAI .NET client against the gateway: what it is there for.</summary>
public sealed class OpenAiDotNetTests(SharedGateway shared) : IClassFixture<SharedGateway>
{
    private const string Arguments = """{"city":"Zürich \"West\"","days":1}""";

    private static readonly ChatTool Weather = ChatTool.CreateFunctionTool("get_weather", "The weather of a city.", BinaryData.FromString(
        """{"type":"object","properties":{"city":{"type":"string","enum":["Zürich \"West\""]},"days":{"type":"integer"}},"required":["city","days"]}"""));

    private GatewayUnderTest Gateway => shared.Gateway;

    private OpenAIClient Client => OpenAi(Gateway);

    private ChatClient Chat => Client.GetChatClient(GatewayUnderTest.Model);

    internal static OpenAIClient OpenAi(GatewayUnderTest gateway, string key = "none") => OpenAi(new Uri(gateway.Server.Address), key);

    internal static OpenAIClient OpenAi(Uri gateway, string key = "none") => new(new ApiKeyCredential(key), new OpenAIClientOptions
    {
        Endpoint = new Uri(gateway, "/v1"),
        RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
        NetworkTimeout = TimeSpan.FromSeconds(60),
    });

    /// <summary>What the stand-in answers to a prompt, worked out here.</summary>
    private static string Expected(string prompt, int tokens) =>
        SyntheticAnswer.To(ChatPrompt.Render([new("user", prompt)], true, false, null).Tokens).Text(0, tokens);

    [Fact]
    public async Task A_chat_is_answered_in_full()
    {
        ChatCompletion answer = await Chat.CompleteChatAsync([new UserChatMessage("What is a fleet?")], new ChatCompletionOptions { MaxOutputTokenCount = 4 });
        Assert.Equal(Expected("What is a fleet?", 4), answer.Content[0].Text);
        Assert.Equal((ChatFinishReason.Length, 4), (answer.FinishReason, answer.Usage.OutputTokenCount));
        Assert.True(answer.Usage.InputTokenCount > 0);
        await Gateway.NoLeaseLeft();
    }

    [Fact]
    public async Task A_streamed_chat_says_what_the_whole_one_says()
    {
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 4 };
        ChatCompletion whole = await Chat.CompleteChatAsync([new UserChatMessage("Say it again.")], options);
        var text = new StringBuilder();
        int? outputTokens = null;
        await foreach (StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync([new UserChatMessage("Say it again.")], options))
        {
            foreach (ChatMessageContentPart part in update.ContentUpdate)
                text.Append(part.Text);
            outputTokens ??= update.Usage?.OutputTokenCount;
        }
        Assert.Equal(Expected("Say it again.", 4), text.ToString());
        Assert.Equal(whole.Content[0].Text, text.ToString());
        Assert.Equal(4, outputTokens);   // this client asks for usage
        await Gateway.NoLeaseLeft();
    }

    [Fact]
    public async Task A_conversation_goes_on_turn_by_turn()
    {
        var messages = new List<ChatMessage> { new SystemChatMessage("Be brief."), new UserChatMessage("One?") };
        for (int turn = 0; turn < 3; turn++)
        {
            ChatCompletion answer = await Chat.CompleteChatAsync(messages, new ChatCompletionOptions { MaxOutputTokenCount = 4 });
            messages.Add(new AssistantChatMessage(answer));
            messages.Add(new UserChatMessage("And then?"));
        }
        await Gateway.NoLeaseLeft();
    }

    [Fact]
    public async Task A_tool_call_comes_back_with_its_arguments_intact()
    {
        var options = new ChatCompletionOptions { Tools = { Weather }, ToolChoice = ChatToolChoice.CreateRequiredChoice() };
        ChatCompletion answer = await Chat.CompleteChatAsync([new UserChatMessage("Weather?")], options);
        Assert.Equal(ChatFinishReason.ToolCalls, answer.FinishReason);
        ChatToolCall call = Assert.Single(answer.ToolCalls);
        Assert.Equal("get_weather", call.FunctionName);
        Same(Arguments, call.FunctionArguments.ToString());
    }

    [Fact]
    public async Task A_streamed_tool_call_comes_back_with_its_arguments_intact()
    {
        var options = new ChatCompletionOptions { Tools = { Weather }, ToolChoice = ChatToolChoice.CreateFunctionChoice("get_weather") };
        var arguments = new MemoryStream();
        string? name = null, id = null;
        await foreach (StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync([new UserChatMessage("Weather?")], options))
            foreach (StreamingChatToolCallUpdate call in update.ToolCallUpdates)
            {
                name ??= call.FunctionName;
                id ??= call.ToolCallId;
                arguments.Write(call.FunctionArgumentsUpdate ?? BinaryData.Empty);
            }
        Assert.Equal("get_weather", name);
        Assert.NotNull(id);
        Same(Arguments, Encoding.UTF8.GetString(arguments.ToArray()));
        await Gateway.NoLeaseLeft();
    }

    /// <summary>The client has no completions any more; its pipeline still carries them.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_completion_passes_by_the_raw_protocol(bool stream)
    {
        string json = $$"""{"model":"{{GatewayUnderTest.Model}}","prompt":"Once upon a time","max_tokens":6,"stream":{{(stream ? "true" : "false")}}}""";
        using PipelineMessage message = Client.Pipeline.CreateMessage();
        message.Request.Method = "POST";
        message.Request.Uri = new Uri(Gateway.Server.Address + "/v1/completions");
        message.Request.Headers.Set("Content-Type", "application/json");
        message.Request.Content = BinaryContent.Create(BinaryData.FromString(json));
        await Client.Pipeline.SendAsync(message);
        string body = message.Response!.Content.ToString();
        Assert.Equal(200, message.Response.Status);
        string text = stream
            ? string.Concat(body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(e => e.StartsWith("data: {", StringComparison.Ordinal)).Select(e => TextOf(e["data: ".Length..])))
            : TextOf(body);
        Assert.Equal(SyntheticAnswer.To(SyntheticTokenizer.Encode("Once upon a time")).Text(0, 6), text);
        await Gateway.NoLeaseLeft();
    }

    [Fact]
    public async Task Embeddings_come_one_for_each_text()
    {
        var client = Client.GetEmbeddingClient(GatewayUnderTest.Model);
        var two = (await client.GenerateEmbeddingsAsync(["one text", "another"])).Value;
        Assert.Equal(2, two.Count);
        Assert.Equal(256, two[0].ToFloats().Length);
        Assert.NotEqual(two[0].ToFloats().ToArray(), two[1].ToFloats().ToArray());
        Assert.Equal((await client.GenerateEmbeddingAsync("another")).Value.ToFloats().ToArray(), two[1].ToFloats().ToArray());
        await Gateway.NoLeaseLeft();
    }

    [Fact]
    public async Task The_models_are_listed_and_found()
    {
        var client = Client.GetOpenAIModelClient();
        Assert.Equal([GatewayUnderTest.Model], (await client.GetModelsAsync()).Value.Select(m => m.Id));
        Assert.Equal(GatewayUnderTest.Model, (await client.GetModelAsync(GatewayUnderTest.Model)).Value.Id);
    }

    [Fact]
    public async Task A_response_streamed_and_not_says_the_same()
    {
        ResponsesClient client = Client.GetResponsesClient();
        CreateResponseOptions Ask() => new(GatewayUnderTest.Model, [ResponseItem.CreateUserMessageItem("What is a pool?")]) { MaxOutputTokenCount = 5 };
        ResponseResult whole = await client.CreateResponseAsync(Ask());
        Assert.Equal(20, whole.GetOutputText().Length);
        CreateResponseOptions streamed = Ask();
        streamed.StreamingEnabled = true;
        var text = new StringBuilder();
        bool ended = false;
        await foreach (StreamingResponseUpdate update in await client.CreateResponseStreamingAsync(streamed))
        {
            if (update is StreamingResponseOutputTextDeltaUpdate delta)
                text.Append(delta.Delta);
            ended |= update is StreamingResponseCompletedUpdate or StreamingResponseIncompleteUpdate;
        }
        Assert.Equal(whole.GetOutputText(), text.ToString());
        Assert.True(ended);
        await Gateway.NoLeaseLeft();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_cancels_frees_its_lease_and_its_engine(bool stream)
    {
        using var cancel = new CancellationTokenSource();
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 100_000, StopSequences = { "never said" } };
        options.Patch.Set("$.ignore_eos"u8, true);
        Task call = Task.Run(async () =>
        {
            if (!stream)
                await Chat.CompleteChatAsync([new UserChatMessage("on and on")], options, cancel.Token);
            await foreach (StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync([new UserChatMessage("on and on")], options, cancel.Token))
                if (update.ContentUpdate.Count > 0)
                    await cancel.CancelAsync();
        }, CancellationToken.None);
        if (!stream)
        {
            await Gateway.UntilAsync(state => state.Leases == 1, "the call's lease");
            await cancel.CancelAsync();
        }
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await Gateway.NoLeaseLeft();
        foreach (var engine in Gateway.Engines!.Instances)
            await engine.WhenIdleAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_bad_request_is_400()
    {
        var refused = await Assert.ThrowsAsync<ClientResultException>(() => Chat.CompleteChatAsync([new UserChatMessage("hi")], new ChatCompletionOptions { Temperature = 17 }));
        Assert.Equal(400, refused.Status);
        refused = await Assert.ThrowsAsync<ClientResultException>(() => Chat.CompleteChatAsync(BinaryContent.Create(BinaryData.FromString("{\"model\":"))));
        Assert.Equal(400, refused.Status);
        Assert.Contains("invalid_json", refused.GetRawResponse()!.Content.ToString());
    }

    [Fact]
    public async Task An_unknown_model_is_404()
    {
        var refused = await Assert.ThrowsAsync<ClientResultException>(() => Client.GetChatClient("nobody/serves-this").CompleteChatAsync([new UserChatMessage("hi")]));
        Assert.Equal(404, refused.Status);
        Assert.Contains("model_not_found", refused.Message);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => Client.GetOpenAIModelClient().GetModelAsync("nobody/serves-this"))).Status);
    }

    private static string TextOf(string json) => JsonDocument.Parse(json).RootElement.GetProperty("choices") is var choices && choices.GetArrayLength() > 0
        ? choices[0].GetProperty("text").GetString()!
        : "";

    private static void Same(string wanted, string got) =>
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(wanted).RootElement, JsonDocument.Parse(got).RootElement), got);
}
