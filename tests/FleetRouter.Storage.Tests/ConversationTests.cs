using FleetRouter.Hosting.Ports;
using FleetRouter.Storage.Conversations;

namespace FleetRouter.Storage.Tests;

public sealed class ConversationTests(SharedServer server) : IAsyncLifetime
{
    private DatabaseAddress _address = null!;
    private GatewayStorage _here = null!, _there = null!;

    public async ValueTask InitializeAsync()
    {
        _address = await server.NewDatabaseAsync();
        _here = await GatewayStorage.OpenAsync(_address);
        _there = await GatewayStorage.OpenAsync(_address);
    }

    public async ValueTask DisposeAsync()
    {
        if (_there is null)
            return;
        await _here.DisposeAsync();
        await _there.DisposeAsync();
    }

    private Task SaveAsync(params StoredResponse[] responses) => Task.WhenAll(responses.Select(r => _here.Conversations.SaveAsync(r, default)));

    private Task<StoredResponse?> FindAsync(string id, string owner = "me") => _there.Conversations.FindAsync(id, owner, default);

    private async Task<string> HistoryAsync(string id, string owner = "me") =>
        string.Join(' ', (await _there.Conversations.HistoryAsync(id, owner, default)).Select(r => r.Id));

    [Fact]
    public async Task What_one_gateway_saves_another_finds_as_it_was()
    {
        StoredResponse saved = Responses.Make("resp_1", "resp_0", body: "\\u0000 and é and \\ud83d\\ude00") with { Body = new byte[] { 0, 1, 255, (byte)'{' } };
        await SaveAsync(saved);
        Responses.Same(saved, await FindAsync("resp_1"));
        Assert.Equal(1, _here.Counted("fleetrouter_database_written/response"));
    }

    [Fact]
    public async Task Saved_again_an_answer_is_replaced_by_its_owner_alone()
    {
        await SaveAsync(Responses.Make("resp_1", body: "old"));
        await SaveAsync(Responses.Make("resp_1", body: "new"));
        Responses.Same(Responses.Make("resp_1", body: "new") with { CreatedAt = default, ExpiresAt = default }, await FindAsync("resp_1") is { } found ? found with { CreatedAt = default, ExpiresAt = default } : null);
        await SaveAsync(Responses.Make("resp_1", owner: "other"));
        Assert.NotNull(await FindAsync("resp_1"));
        Assert.Null(await FindAsync("resp_1", "other"));
    }

    [Theory]
    [InlineData("resp_2")]
    [InlineData("")]
    [InlineData("resp_1\0")]
    [InlineData("\ud800")]
    [InlineData("'; drop table responses --")]
    public async Task An_id_nobody_was_given_finds_nothing(string id)
    {
        await SaveAsync(Responses.Make("resp_1"));
        Assert.Null(await FindAsync(id));
        Assert.Equal("", await HistoryAsync(id));
        Assert.False(await _there.Conversations.DeleteAsync(id, "me", default));
    }

    [Fact]
    public async Task Another_owners_answer_is_as_good_as_none()
    {
        await SaveAsync(Responses.Make("resp_1"), Responses.Make("resp_2", "resp_1", owner: "other"));
        Assert.Null(await FindAsync("resp_1", "other"));
        Assert.Equal("", await HistoryAsync("resp_1", "other"));
        Assert.Equal("", await HistoryAsync("resp_2", "other"));   // goes on from what is not the other's
        Assert.False(await _there.Conversations.DeleteAsync("resp_1", "other", default));
        Assert.NotNull(await FindAsync("resp_1"));
    }

    [Fact]
    public async Task A_history_runs_from_the_first_turn_and_forks_share_their_beginning()
    {
        await SaveAsync(Responses.Make("a"));
        await SaveAsync(Responses.Make("b", "a"));
        await SaveAsync(Responses.Make("c1", "b"), Responses.Make("c2", "b"));
        await SaveAsync(Responses.Make("d2", "c2"));
        Assert.Equal("a b c1", await HistoryAsync("c1"));
        Assert.Equal("a b c2 d2", await HistoryAsync("d2"));
        Assert.Equal("a", await HistoryAsync("a"));
    }

    [Fact]
    public async Task A_history_longer_than_one_question_fetches_is_whole()
    {
        StoredResponse[] turns = [.. Enumerable.Range(0, 2_500).Select(i => Responses.Make($"t{i}", i == 0 ? null : $"t{i - 1}"))];
        await SaveAsync(turns);
        Assert.Equal(turns.Select(t => t.Id), (await _there.Conversations.HistoryAsync("t2499", "me", default)).Select(t => t.Id));
    }

    [Fact]
    public async Task A_history_that_leads_back_to_itself_is_none()
    {
        await SaveAsync(Responses.Make("a", "b"), Responses.Make("b", "a"));
        Assert.Equal("", await HistoryAsync("a"));
    }

    [Fact]
    public async Task A_deleted_answer_is_gone_and_with_it_what_goes_on_from_it()
    {
        await SaveAsync(Responses.Make("a"), Responses.Make("b", "a"), Responses.Make("c", "b"));
        Assert.True(await _there.Conversations.DeleteAsync("b", "me", default));
        Assert.False(await _here.Conversations.DeleteAsync("b", "me", default));
        Assert.Null(await _here.Conversations.FindAsync("b", "me", default));
        Assert.Equal("", await HistoryAsync("c"));
        Assert.Equal("a", await HistoryAsync("a"));
    }

    [Fact]
    public async Task An_expired_answer_is_gone_and_swept()
    {
        await SaveAsync(Responses.Make("old", life: TimeSpan.FromSeconds(-1)));
        await SaveAsync([.. Enumerable.Range(0, 1_200).Select(i => Responses.Make($"old{i}", life: TimeSpan.FromSeconds(-1)))]);   // more than one statement removes
        await SaveAsync(Responses.Make("new"), Responses.Make("next", "old"));
        Assert.Null(await FindAsync("old"));
        Assert.Equal("", await HistoryAsync("next"));
        Assert.False(await _there.Conversations.DeleteAsync("old", "me", default));
        await Task.WhenAll(_there.Conversations.SweepAsync(), _here.Conversations.SweepAsync());
        Assert.Equal(2L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.responses"));
    }

    [Fact]
    public async Task Ten_thousand_answers_saved_at_once_are_all_there()
    {
        await SaveAsync([.. Enumerable.Range(0, 10_000).Select(i => Responses.Make($"resp_{i}", body: new string('x', i % 300)))]);
        Assert.Equal(10_000L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.responses"));
        foreach (int i in new[] { 0, 4_711, 9_999 })
            Assert.Contains(new string('x', i % 300), System.Text.Encoding.UTF8.GetString((await FindAsync($"resp_{i}"))!.Body.Span));
    }

    [Fact]
    public async Task An_answer_the_database_never_takes_goes_alone_and_is_named()
    {
        await SaveAsync([.. Enumerable.Range(0, 50).Select(i => Responses.Make($"good{i}")), Responses.Make("bad", "no\0id", body: "secret"), Responses.Make("last")]);
        Assert.NotNull(await FindAsync("good49"));
        Assert.NotNull(await FindAsync("last"));
        Assert.Null(await FindAsync("bad"));
        Assert.Equal(1, _here.Counted("fleetrouter_database_lost/response"));
        Assert.Contains("does not take the answer bad:", await _here.Logs.LineAsync(36));
        Assert.DoesNotContain(_here.Logs.All, line => line.Contains("secret"));
    }

    [Fact]
    public async Task A_session_settled_here_is_at_home_there()
    {
        const string Long = "a session with an id longer than an index takes ";
        string session = string.Concat(Enumerable.Repeat(Long, 100));
        _here.Conversations.Settled("pool", session, "engine:1");
        Assert.Equal("engine:1", await _here.Conversations.HomeAsync("pool", session, default));
        await _here.Conversations.DisposeAsync();   // writes what waits
        Assert.Equal("engine:1", await _there.Conversations.HomeAsync("pool", session, default));
        Assert.Null(await _there.Conversations.HomeAsync("another pool", session, default));
        Assert.Null(await _there.Conversations.HomeAsync("pool", "another", default));
    }

    [Fact]
    public async Task Of_many_turns_the_last_home_stays()
    {
        for (int i = 0; i < 1_000; i++)
            for (int s = 0; s < 5; s++)
                _here.Conversations.Settled("pool", $"s{s}", $"engine:{i}");
        await _here.Conversations.DisposeAsync();
        for (int s = 0; s < 5; s++)
            Assert.Equal("engine:999", await _there.Conversations.HomeAsync("pool", $"s{s}", default));
        Assert.Equal(0, _here.Counted("fleetrouter_database_lost/session-home"));
    }

    [Fact]
    public async Task Homes_of_an_earlier_day_are_swept()
    {
        _here.Conversations.Settled("pool", "s", "engine:1");
        await _here.Conversations.DisposeAsync();
        await PostgresServer.ExecuteAsync(_address, "update fleetrouter.session_homes set settled_at = settled_at - interval '25 hours'");
        await _there.Conversations.SweepAsync();
        Assert.Equal(0L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.session_homes"));
    }
}
