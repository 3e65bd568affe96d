using System.Net;
using System.Text.Json;
using FleetRouter.EngineSim.Faults;
using FleetRouter.Gateway.Tests.Clients;
using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Responses;

/// <summary>What several gateways share, and what is then when it is out of reach; and the wire as no client hides it.</summary>
public sealed class SharedConversationsTests
{
    private static string Ask(string input, string? previous = null, string more = "") => JsonSerializer.Serialize(new
    {
        model = GatewayUnderTest.Model, input, max_output_tokens = 4, previous_response_id = previous,
    })[..^1] + more + "}";

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, HttpStatusCode wanted = HttpStatusCode.OK)
    {
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == wanted, $"{(int)answer.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    [Fact]
    public async Task Another_gateway_goes_on_with_a_conversation_at_its_home()
    {
        var shared = new SharedMemory();
        await using GatewayUnderTest one = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(8), conversations: shared);
        await using GatewayUnderTest other = await GatewayUnderTest.StartAsync(instances: one.Engines!.Addresses, conversations: shared);
        for (int i = 0; i < 4; i++)
        {
            HttpResponseMessage first = await one.PostAsync("/v1/responses", Ask($"Question {i}, " + new string('x', 4_000)));
            string id = (await ReadAsync(first)).GetProperty("id").GetString()!;
            HttpResponseMessage next = await other.PostAsync("/v1/responses", Ask("On?", id));
            Assert.Equal(id, (await ReadAsync(next)).GetProperty("previous_response_id").GetString());
            Assert.Equal(ServedBy(first), ServedBy(next));
            Assert.Contains((GatewayUnderTest.Pool, id, ServedBy(first)), shared.Homes);
        }
    }

    [Fact]
    public async Task A_session_of_any_api_settles_where_it_ran()
    {
        var shared = new SharedMemory();
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), conversations: shared);
        (string Path, string Body)[] calls =
        [
            ("/v1/chat/completions", GatewayUnderTest.Chat("hi", 2)), ("/v1/completions", $$"""{"model":"{{GatewayUnderTest.Model}}","prompt":"hi","max_tokens":2}"""),
            ("/v1/embeddings", $$"""{"model":"{{GatewayUnderTest.Model}}","input":"hi"}"""), ("/v1/responses", Ask("hi")),
        ];
        string[] headers = ["x-session-id", "x-conversation-id", "x-claude-code-session-id", "x-smg-routing-key", "x-session-token"];
        foreach ((string path, string body) in calls)
            foreach (string header in headers)
            {
                var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, null, "application/json"), Headers = { { header, path + header } } };
                HttpResponseMessage answer = await gateway.Http.SendAsync(request);
                await ReadAsync(answer);
                await shared.UntilSettledAsync(path + header);
            }
        foreach (string field in (string[])["\"session_id\":\"in the body\"", "\"session_params\":{\"session_id\":\"in the body\"}"])
        {
            shared.Forget();
            await ReadAsync(await gateway.PostAsync("/v1/chat/completions", GatewayUnderTest.Chat("hi", 2)[..^1] + "," + field + "}"));
            await shared.UntilSettledAsync("in the body");
        }
    }

    [Fact]
    public async Task A_home_that_is_not_told_in_time_is_not_waited_for()
    {
        var shared = new SharedMemory { Silence = new TaskCompletionSource<string?>() };
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), conversations: shared);
        await ReadAsync(await gateway.PostAsync("/v1/responses", Ask("hi")));
        shared.Silence.SetException(new ConversationsUnavailableException("gone"));
        await ReadAsync(await gateway.PostAsync("/v1/responses", Ask("hi")));
    }

    [Fact]
    public async Task Out_of_reach_what_needs_earlier_turns_is_503_and_a_first_turn_is_answered()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1), conversations: new SharedMemory { IsAway = true });
        string id = (await ReadAsync(await gateway.PostAsync("/v1/responses", Ask("hi")))).GetProperty("id").GetString()!;
        foreach (HttpResponseMessage answer in (HttpResponseMessage[])[
            await gateway.PostAsync("/v1/responses", Ask("hi", id)), await gateway.Http.GetAsync($"/v1/responses/{id}"),
            await gateway.Http.DeleteAsync($"/v1/responses/{id}"), await gateway.Http.GetAsync($"/v1/responses/{id}/input_items")])
        {
            JsonElement error = (await ReadAsync(answer, HttpStatusCode.ServiceUnavailable)).GetProperty("error");
            Assert.Equal("conversations-unavailable", error.GetProperty("code").GetString());
            Assert.NotNull(answer.Headers.RetryAfter);
        }
        await gateway.NoLeaseLeft();
    }

    [Fact]
    public async Task The_input_items_come_page_by_page_in_either_order()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        string items = string.Join(',', Enumerable.Range(0, 5).Select(i => i == 2 ? """{"id":"msg_own","role":"user","content":[{"type":"input_text","text":"2"}]}""" : $$"""{"role":"user","content":"{{i}}"}"""));
        string id = (await ReadAsync(await gateway.PostAsync("/v1/responses", $$"""{"model":"{{GatewayUnderTest.Model}}","input":[{{items}}],"max_output_tokens":2}"""))).GetProperty("id").GetString()!;
        foreach (bool ascends in (bool[])[true, false])
        {
            var texts = new List<string>();
            string after = "";
            bool more = true;
            while (more)
            {
                JsonElement page = await ReadAsync(await gateway.Http.GetAsync($"/v1/responses/{id}/input_items?limit=2{(ascends ? "&order=asc" : "")}{after}"));
                texts.AddRange(page.GetProperty("data").EnumerateArray().Select(item => item.GetProperty("content")[0].GetProperty("text").GetString()!));
                after = "&after=" + page.GetProperty("last_id").GetString();
                more = page.GetProperty("has_more").GetBoolean();
            }
            string[] wanted = ["0", "1", "2", "3", "4"];
            Assert.Equal(ascends ? wanted : wanted.Reverse(), texts);
        }
        foreach (string query in (string[])["limit=0", "limit=101", "limit=x", "order=up", "after=msg_nobody"])
            await ReadAsync(await gateway.Http.GetAsync($"/v1/responses/{id}/input_items?{query}"), HttpStatusCode.BadRequest);
        await ReadAsync(await gateway.Http.PostAsync($"/v1/responses/{id}/input_items", null), HttpStatusCode.MethodNotAllowed);
        await ReadAsync(await gateway.Http.GetAsync($"/v1/responses/{id}?stream=true"), HttpStatusCode.BadRequest);
        await ReadAsync(await gateway.Http.PostAsync($"/v1/responses/{id}/cancel", null), HttpStatusCode.BadRequest);
        await ReadAsync(await gateway.Http.PostAsync("/v1/responses/resp_none/cancel", null), HttpStatusCode.NotFound);
        await ReadAsync(await gateway.Http.GetAsync("/v1/responses/" + new string('x', 2_000)), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_stream_that_breaks_off_is_told_so_and_not_kept()
    {
        await using GatewayUnderTest gateway = await GatewayUnderTest.StartAsync(GatewayUnderTest.Fast(1));
        gateway.Engines!.Instances[0].Faults.Add(new Fault(FaultKind.Cut) { AfterTokens = 2 });
        using HttpResponseMessage answer = await gateway.BeginAsync("/v1/responses", Ask("hi", null, ",\"stream\":true"));
        var text = new StringWriter();
        await Assert.ThrowsAsync<HttpIOException>(async () =>
        {
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
            while (await reader.ReadLineAsync() is { } line)
                text.WriteLine(line);
        });
        string[] data = [.. text.ToString().Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal))];
        string id = JsonDocument.Parse(data[0]["data: ".Length..]).RootElement.GetProperty("response").GetProperty("id").GetString()!;
        Assert.Contains("engine_stream_broken", data[^1]);
        gateway.Engines.Instances[0].Faults.Clear();
        await ReadAsync(await gateway.Http.GetAsync($"/v1/responses/{id}"), HttpStatusCode.NotFound);
        await gateway.ServesOnAsync();
    }

    private static string ServedBy(HttpResponseMessage answer) => answer.Headers.GetValues("x-gateway-destination-endpoint-served").Single();

    /// <summary>Memory that several gateways share, as a database would be; or that is away.</summary>
    private sealed class SharedMemory : IConversations
    {
        private readonly MemoryConversations _kept = new(1 << 24, TimeProvider.System);
        private readonly Lock _lock = new();
        private readonly List<(string Pool, string Session, string Instance)> _homes = [];
        private TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsAway { get; init; }
        public TaskCompletionSource<string?>? Silence { get; init; }

        public (string Pool, string Session, string Instance)[] Homes { get { lock (_lock) return [.. _homes]; } }

        public void Forget() { lock (_lock) _homes.Clear(); }

        public async Task UntilSettledAsync(string session)
        {
            while (true)
            {
                Task more;
                lock (_lock)
                {
                    if (_homes.Exists(home => home.Session == session))
                        return;
                    more = _settled.Task;
                }
                await more.WaitAsync(TimeSpan.FromSeconds(60));
            }
        }

        public Task SaveAsync(StoredResponse response, CancellationToken cancellation) => _kept.SaveAsync(response, cancellation);

        public Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation) => IsAway ? throw Away() : _kept.FindAsync(id, owner, cancellation);

        public Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation) => IsAway ? throw Away() : _kept.HistoryAsync(id, owner, cancellation);

        public Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation) => IsAway ? throw Away() : _kept.DeleteAsync(id, owner, cancellation);

        public ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation)
        {
            if (IsAway)
                throw Away();
            if (Silence is { } silence)
                return new(silence.Task);
            lock (_lock)
                return new(_homes.FindLast(home => home.Pool == pool && home.Session == session).Instance);
        }

        public void Settled(string pool, string session, string instance)
        {
            lock (_lock)
            {
                _homes.Add((pool, session, instance));
                _settled.TrySetResult();
                _settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        private static ConversationsUnavailableException Away() => new("the test has taken it away");
    }
}
