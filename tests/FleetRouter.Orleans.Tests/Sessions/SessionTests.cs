using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;
using FleetRouter.Orleans.Wire;
using FleetRouter.Storage;
using FleetRouter.Storage.Tests;

namespace FleetRouter.Orleans.Tests.Sessions;

/// <summary>Conversations of a cluster: every gateway has the same of them at once, with the database and without, and no silo is waited for for long.</summary>
public sealed class SessionTests : IAsyncLifetime
{
    private PostgresServer _server = null!;
    private DatabaseAddress _address = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresServer.StartNewAsync();
        _address = await LostPoolTests.MigratedAsync(_server);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    private async Task<TalkingGateway[]> StartTwoAsync() => await Task.WhenAll(TalkingGateway.StartAsync(_address), TalkingGateway.StartAsync(_address));

    private static StoredResponse Turn(StoredResponse? after = null, TimeSpan? life = null) => Responses.Make(ResponseId.New(after?.Id), after?.Id, body: "said", life: life);

    private async Task<long> CountAsync(string where = "true") => (long)(await PostgresServer.ExecuteAsync(_address, $"select count(*) from fleetrouter.responses where {where}"))!;

    [Fact]
    public async Task A_conversation_goes_on_through_any_gateway_while_the_database_is_away()
    {
        TalkingGateway[] gateways = await StartTwoAsync();
        await using TalkingGateway one = gateways[0], two = gateways[1];
        StoredResponse first = Turn(), second = Turn(first), third = Turn(second);
        await one.SaveAsync(first);
        await one.SaveAsync(second);
        Assert.Equal(2L, await CountAsync());

        await _server.StopAsync();
        await Task.WhenAll(one.LosesDatabaseAsync(), two.LosesDatabaseAsync());
        Assert.Equal([first.Id, second.Id], await two.HistoryAsync(second.Id));
        Responses.Same(first, await two.FindAsync(first.Id));
        await two.SaveAsync(third);
        Assert.Equal([first.Id, second.Id, third.Id], await one.HistoryAsync(third.Id));
        Assert.Equal(0, one.Kept.Reads + two.Kept.Reads);
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => one.HistoryAsync(ResponseId.New(null)));
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => two.FindAsync(first.Id, "another"));

        await _server.StartAsync();
        await Task.WhenAll(one.FindsDatabaseAsync(), two.FindsDatabaseAsync());
        await Eventually.Is(() => CountAsync(), rows => rows == 3);
        Assert.Null(await two.FindAsync(first.Id, "another"));
    }

    [Fact]
    public async Task Turns_and_deletions_that_race_through_two_gateways_have_one_order()
    {
        TalkingGateway[] gateways = await StartTwoAsync();
        await using TalkingGateway one = gateways[0], two = gateways[1];
        StoredResponse first = Turn();
        await two.SaveAsync(first);
        await _server.StopAsync();   // what is seen now is seen by the actor's order alone
        await Task.WhenAll(one.LosesDatabaseAsync(), two.LosesDatabaseAsync());

        await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(async () =>
        {
            (TalkingGateway here, TalkingGateway there) = i % 2 == 0 ? (one, two) : (two, one);
            StoredResponse mine = Turn(first), next = Turn(mine);
            await here.SaveAsync(mine);
            Assert.Equal([first.Id, mine.Id], await there.HistoryAsync(mine.Id));
            await there.SaveAsync(next);
            if (i % 4 < 2)
            {
                Task<IEnumerable<string>> racing = there.HistoryAsync(next.Id);
                Assert.True(await here.DeleteAsync(mine.Id));
                Assert.True((await racing).ToArray() is [] or { Length: 3 });
                Assert.Empty(await there.HistoryAsync(next.Id));
                Assert.Null(await there.FindAsync(mine.Id));
            }
            Assert.NotNull(await here.FindAsync(next.Id));
        })));
        await _server.StartAsync();
        await Task.WhenAll(one.FindsDatabaseAsync(), two.FindsDatabaseAsync());
        await Eventually.Is(() => CountAsync(), rows => rows == 1 + 32 + 16);
    }

    [Fact]
    public async Task A_conversation_whose_silo_is_gone_comes_back_elsewhere_from_the_database()
    {
        TalkingGateway[] gateways = await StartTwoAsync();
        await using TalkingGateway one = gateways[0], two = gateways[1];
        StoredResponse first = Turn(), second = Turn(first), third = Turn(second);
        await one.SaveAsync(first);
        await one.SaveAsync(second);
        Assert.Equal((2, 0), (one.Held, two.Held));

        await one.Silo.DisposeAsync();
        Assert.Equal([first.Id, second.Id], await two.HistoryAsync(second.Id));
        await two.SaveAsync(third);
        await Eventually.Is(async () => (await two.HistoryAsync(third.Id)).Count(), turns => turns == 3 && two.Held == 3);
    }

    [Fact]
    public async Task What_is_deleted_is_gone_for_every_gateway_also_when_the_database_goes_too()
    {
        TalkingGateway[] gateways = await StartTwoAsync();
        await using TalkingGateway one = gateways[0], two = gateways[1];
        StoredResponse first = Turn(), second = Turn(first), branch = Turn(first);
        foreach (StoredResponse turn in new[] { first, second, branch })
            await one.SaveAsync(turn);
        Assert.False(await two.DeleteAsync(second.Id, "another"));
        Assert.True(await two.DeleteAsync(second.Id));
        Assert.False(await one.DeleteAsync(second.Id));
        Assert.Equal(2L, await CountAsync());

        await _server.StopAsync();
        await Task.WhenAll(one.LosesDatabaseAsync(), two.LosesDatabaseAsync());
        Assert.Null(await one.FindAsync(second.Id));
        Assert.Empty(await one.HistoryAsync(second.Id));
        Assert.Equal([first.Id, branch.Id], await one.HistoryAsync(branch.Id));
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => two.DeleteAsync(first.Id));   // cannot be promised, and is not shown again
        Assert.Empty(await one.HistoryAsync(branch.Id));
        await _server.StartAsync();
        await Task.WhenAll(one.FindsDatabaseAsync(), two.FindsDatabaseAsync());
        Assert.True(await one.DeleteAsync(first.Id));
        Assert.Equal(1L, await CountAsync());
    }

    [Fact]
    public async Task What_has_expired_is_gone_for_every_gateway()
    {
        var time = new ShiftedTime();
        TalkingGateway[] gateways = await Task.WhenAll(TalkingGateway.StartAsync(_address, time: time), TalkingGateway.StartAsync(_address, time: time));
        await using TalkingGateway one = gateways[0], two = gateways[1];
        StoredResponse first = Turn(life: TimeSpan.FromHours(1)), second = Turn(first, life: TimeSpan.FromHours(3));
        await one.SaveAsync(first);
        await two.SaveAsync(second);
        Assert.Equal([first.Id, second.Id], await two.HistoryAsync(second.Id));
        time.Shift = TimeSpan.FromHours(2);
        foreach (TalkingGateway gateway in gateways)
        {
            Assert.Null(await gateway.FindAsync(first.Id));
            Assert.NotNull(await gateway.FindAsync(second.Id));
            Assert.Empty(await gateway.HistoryAsync(second.Id));
        }
    }

    [Fact]
    public async Task An_actor_that_stands_still_is_passed_over_and_learns_of_it_afterwards()
    {
        await using TalkingGateway one = await TalkingGateway.StartAsync(_address), two = await TalkingGateway.StartAsync(_address, budget: TimeSpan.FromMilliseconds(100));
        StoredResponse first = Turn(), second = Turn(first), third = Turn(second);
        await one.SaveAsync(first);
        Assert.Equal((1, 0), (one.Held, two.Held));
        one.Kept.Stop();
        Task stuck = one.SaveAsync(second);
        await one.Kept.AskedAsync();

        await two.SaveAsync(third);
        Assert.Equal([first.Id], await two.HistoryAsync(first.Id));
        Responses.Same(third, await two.FindAsync(third.Id));
        Assert.Empty(await two.HistoryAsync(third.Id));   // the second never came to the database
        Assert.Equal(4, two.PassedOver);
        Assert.True(await two.DeleteAsync(third.Id));
        Assert.Equal(1L, await CountAsync());
        Assert.Equal(0, two.Held);

        one.Kept.GoOn();
        await stuck;
        Assert.Equal([first.Id, second.Id], await one.HistoryAsync(second.Id));
        Assert.Null(await one.FindAsync(third.Id));
        await Eventually.Is(async () => (await two.HistoryAsync(second.Id)).Count(), turns => turns == 2);
    }

    [Fact]
    public async Task Where_the_database_cannot_tell_either_an_actor_is_waited_for()
    {
        await using TalkingGateway one = await TalkingGateway.StartAsync(_address), two = await TalkingGateway.StartAsync(_address, budget: TimeSpan.FromMilliseconds(50));
        StoredResponse first = Turn(), second = Turn(first);
        await one.SaveAsync(first);
        await _server.StopAsync();
        await Task.WhenAll(one.LosesDatabaseAsync(), two.LosesDatabaseAsync());
        one.Kept.Stop();
        Task stuck = one.SaveAsync(second);
        await one.Kept.AskedAsync();

        Task<IEnumerable<string>> read = two.HistoryAsync(first.Id);
        await Eventually.Is(() => Task.FromResult(two.PassedOver), calls => calls == 1);
        Assert.False(read.IsCompleted);
        one.Kept.GoOn();
        Assert.Equal([first.Id], await read);
        await stuck;
        await _server.StartAsync();   // who leaves a cluster says so in the database
        await Task.WhenAll(one.FindsDatabaseAsync(), two.FindsDatabaseAsync());
    }

    [Fact]
    public async Task Turns_of_the_build_before_and_ids_of_any_other_kind_are_read_where_they_are()
    {
        TalkingGateway[] gateways = await StartTwoAsync();
        await using TalkingGateway one = gateways[0], two = gateways[1];
        StoredResponse odd = Responses.Make("resp_odd"), before = Responses.Make(ResponseId.New(null), odd.Id), later = Responses.Make(ResponseId.New(null), before.Id), mine = Turn(later);
        foreach (StoredResponse turn in new[] { odd, before, later })
            await one.Database.SaveAsync(turn, CancellationToken.None);
        Responses.Same(odd, await two.FindAsync(odd.Id));
        await two.SaveAsync(mine);
        for (int i = 0; i < 2; i++)
            Assert.Equal([odd.Id, before.Id, later.Id, mine.Id], await two.HistoryAsync(mine.Id));
        Assert.True(await one.DeleteAsync(before.Id));   // another actor's, by its id
        Assert.Empty(await two.HistoryAsync(mine.Id));
        Assert.Null(await two.FindAsync("no id\0"));
        Assert.Null(await two.FindAsync(ResponseId.New(null)));
    }

    [Fact]
    public async Task Beyond_its_memory_a_silo_reads_the_database()
    {
        await using TalkingGateway gateway = await TalkingGateway.StartAsync(_address, turnMemory: 3 * MemoryConversations.Overhead);
        StoredResponse[] turns = [Turn(), Turn(), Turn(), Turn()];
        foreach (StoredResponse turn in turns)
            await gateway.SaveAsync(turn);
        Assert.Equal(2, gateway.Held);
        foreach (StoredResponse turn in turns)
            Responses.Same(turn, await gateway.FindAsync(turn.Id));
        Assert.Equal(2, gateway.Held);
    }

    [Fact]
    public void A_message_in_a_log_tells_an_id_and_nothing_that_was_said()
    {
        StoredResponse turn = Turn();
        Assert.Equal(turn.Id, TurnOnWire.Of(turn).ToString());
    }

    /// <summary>The wall's clock, put forward.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
