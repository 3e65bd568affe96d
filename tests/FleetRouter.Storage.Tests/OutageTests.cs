using FleetRouter.Hosting.Ports;

namespace FleetRouter.Storage.Tests;

/// <summary>The database goes away, and comes back.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private PostgresServer _server = null!;
    private DatabaseAddress _address = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresServer.StartNewAsync();
        _address = await _server.NewDatabaseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    [Fact]
    public async Task Stopped_and_started_under_load_the_database_lacks_nothing()
    {
        await using GatewayStorage storage = await GatewayStorage.OpenAsync(_address, with: o => o with { SaveWait = TimeSpan.FromMilliseconds(20) });
        var saved = new List<StoredResponse>();
        using var enough = new CancellationTokenSource();
        var someSaved = new SemaphoreSlim(0);
        int unwritten = 0;
        Task load = Task.Run(async () =>
        {
            for (int i = 0; !enough.IsCancellationRequested; i++)
            {
                StoredResponse next = Responses.Make($"resp_{i}", i % 10 == 0 ? null : $"resp_{i - 1}");
                await storage.Conversations.SaveAsync(next, default);
                storage.Conversations.Settled("pool", $"session {i % 50}", $"engine:{i % 4}");
                saved.Add(next);
                if (!storage.Database.IsUp && ++unwritten == 2_000)
                    await storage.Database.UpAsync(default);   // enough to tell; a buffer that is full is another test's
                try
                {
                    Responses.Same(next, await storage.Conversations.FindAsync(next.Id, "me", default));
                }
                catch (ConversationsUnavailableException)
                {
                    // Written already, and the database went before it could be read.
                }
                if (i % 100 == 0)
                    someSaved.Release();
            }
        });
        async Task MoreAsync()
        {
            Task more = someSaved.WaitAsync();
            if (await Task.WhenAny(load, more) == load)
                await load;   // says what went wrong
        }
        await MoreAsync();
        await MoreAsync();
        await _server.StopAsync();
        await storage.Logs.LineAsync(31);
        for (int i = 0; i < 5; i++)
            await MoreAsync();   // goes on meanwhile
        await _server.StartAsync();
        await storage.Logs.LineAsync(32);
        await MoreAsync();
        await enough.CancelAsync();
        await load;
        await storage.Conversations.SaveAsync(Responses.Make("end"), default);
        await storage.Conversations.DisposeAsync();
        Assert.Equal(saved.Count + 1L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.responses"));
        Assert.Equal(50L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.session_homes"));
        Assert.Equal(0, storage.Counted("fleetrouter_database_lost/response"));
    }

    [Fact]
    public async Task A_buffer_that_is_full_lets_the_oldest_go_and_says_which()
    {
        await using GatewayStorage storage = await GatewayStorage.OpenAsync(_address, with: o => o with { BufferBytes = 100_000 });
        await _server.StopAsync();
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => storage.Conversations.FindAsync("resp_0", "me", default));
        for (int i = 0; i < 30; i++)
            await storage.Conversations.SaveAsync(Responses.Make($"resp_{i}", body: new string('s', 9_000)), default);
        long lost = storage.Counted("fleetrouter_database_lost/response");
        Assert.InRange(lost, 20, 22);
        Assert.Equal("The buffer in front of the database is full (100000 bytes, option database.buffer): the oldest answers go, resp_0 first", await storage.Logs.LineAsync(34));
        Assert.NotNull(await storage.Conversations.FindAsync("resp_29", "me", default));
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => storage.Conversations.FindAsync("resp_0", "me", default));
        await _server.StartAsync();
        Assert.Equal($"{lost} answers went from the full buffer in front of the database, resp_0 to resp_{lost - 1}: they can no longer be retrieved or gone on from", await storage.Logs.LineAsync(35));
        await storage.Conversations.DisposeAsync();
        Assert.Equal(30 - lost, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.responses"));
        Assert.DoesNotContain(storage.Logs.All, line => line.Contains("sss"));
    }

    [Fact]
    public async Task What_is_not_written_yet_has_a_history_and_can_be_deleted()
    {
        await using GatewayStorage storage = await GatewayStorage.OpenAsync(_address);
        await storage.Conversations.SaveAsync(Responses.Make("a"), default);
        await _server.StopAsync();
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => storage.Conversations.FindAsync("a", "me", default));
        await storage.Conversations.SaveAsync(Responses.Make("b", "a"), default);
        await storage.Conversations.SaveAsync(Responses.Make("x"), default);
        await storage.Conversations.SaveAsync(Responses.Make("y", "x"), default);
        Assert.Equal(["x", "y"], (await storage.Conversations.HistoryAsync("y", "me", default)).Select(r => r.Id));
        Assert.Empty(await storage.Conversations.HistoryAsync("y", "other", default));
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => storage.Conversations.HistoryAsync("b", "me", default));
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => storage.Conversations.DeleteAsync("a", "me", default));
        Assert.False(await storage.Conversations.DeleteAsync("y", "other", default));
        Assert.True(await storage.Conversations.DeleteAsync("y", "me", default));
        Assert.Null(await storage.Conversations.FindAsync("y", "me", default));
        Assert.Null(await storage.Conversations.HomeAsync("pool", "session", default));
        await _server.StartAsync();
        await storage.Database.UpAsync(default);
        Assert.Equal(["a", "b"], (await storage.Conversations.HistoryAsync("b", "me", default)).Select(r => r.Id));
        await storage.Conversations.DisposeAsync();
        Assert.Equal(3L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.responses"));
    }

    [Fact]
    public async Task A_database_restarted_between_two_questions_is_not_noticed()
    {
        await using GatewayStorage storage = await GatewayStorage.OpenAsync(_address);
        await storage.Conversations.SaveAsync(Responses.Make("a"), default);
        await _server.StopAsync("INT");
        await _server.StartAsync();
        Assert.NotNull(await storage.Conversations.FindAsync("a", "me", default));
    }

    [Fact]
    public async Task Started_without_its_database_a_gateway_takes_it_up_when_it_comes()
    {
        await _server.StopAsync();
        await using GatewayStorage storage = await GatewayStorage.OpenAsync(_address);
        Assert.False(storage.Database.IsUp);
        await storage.Conversations.SaveAsync(Responses.Make("a"), default);
        await _server.StartAsync();
        await storage.Database.UpAsync(default);
        await storage.Conversations.DisposeAsync();
        Assert.Equal(1L, await PostgresServer.ExecuteAsync(_address, "select count(*) from fleetrouter.responses"));
    }

    [Fact]
    public async Task A_gateway_that_stops_without_its_database_says_what_is_lost()
    {
        await using GatewayStorage storage = await GatewayStorage.OpenAsync(_address, with: o => o with { StopWait = TimeSpan.FromMilliseconds(50) });
        await _server.StopAsync();
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => storage.Conversations.FindAsync("a", "me", default));
        await storage.Conversations.SaveAsync(Responses.Make("a"), default);
        await storage.Conversations.SaveAsync(Responses.Make("b"), default);
        await storage.Conversations.DisposeAsync();
        Assert.Equal("The gateway stops with 2 answers unwritten, a to b: they are lost", await storage.Logs.LineAsync(37));
        Assert.Equal(2, storage.Counted("fleetrouter_database_lost/response"));
    }
}
