using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Responses;

public sealed class MemoryConversationsTests
{
    private readonly SetTime _time = new();

    private static StoredResponse Turn(string id, string? previous = null, int bytes = 100, string owner = "", DateTimeOffset? expires = null) =>
        Bodies.Turn(id, previous, "[]", new string(' ', bytes - 2), owner, expires);

    private static async Task SaveAsync(MemoryConversations conversations, params StoredResponse[] turns)
    {
        foreach (StoredResponse turn in turns)
            await conversations.SaveAsync(turn, default);
    }

    [Fact]
    public async Task History_leads_from_the_first_turn_to_the_one_asked_for_on_either_side_of_a_fork()
    {
        var conversations = new MemoryConversations(1 << 20, _time);
        await SaveAsync(conversations, Turn("a"), Turn("b", "a"), Turn("c", "b"), Turn("c2", "b"));
        Assert.Equal(["a", "b", "c"], (await conversations.HistoryAsync("c", "", default)).Select(t => t.Id));
        Assert.Equal(["a", "b", "c2"], (await conversations.HistoryAsync("c2", "", default)).Select(t => t.Id));
        Assert.Empty(await conversations.HistoryAsync("d", "", default));
        Assert.True(await conversations.DeleteAsync("a", "", default));
        Assert.False(await conversations.DeleteAsync("a", "", default));
        Assert.Empty(await conversations.HistoryAsync("c", "", default));
        Assert.Equal("c", (await conversations.FindAsync("c", "", default))?.Id);
    }

    [Fact]
    public async Task Nobody_finds_what_is_anothers()
    {
        var conversations = new MemoryConversations(1 << 20, _time);
        await SaveAsync(conversations, Turn("a", owner: "x"), Turn("b", "a", owner: "y"));
        Assert.Null(await conversations.FindAsync("a", "y", default));
        Assert.Null(await conversations.FindAsync("a", "", default));
        Assert.Empty(await conversations.HistoryAsync("b", "y", default));
        Assert.False(await conversations.DeleteAsync("a", "y", default));
        Assert.Equal("a", (await conversations.FindAsync("a", "x", default))?.Id);
    }

    [Fact]
    public async Task What_is_forgotten_is_gone_whoevers_it_was_and_takes_no_room()
    {
        var conversations = new MemoryConversations(1 << 20, _time);
        await SaveAsync(conversations, Turn("a", owner: "x"), Turn("b", owner: "y"), Turn("c"));
        conversations.Forget(["a", "b", "nobody"]);
        Assert.Null(await conversations.FindAsync("a", "x", default));
        Assert.Equal((1, MemoryConversations.Overhead + 100, 0), (conversations.Count, conversations.Bytes, conversations.Dropped));
    }

    [Fact]
    public async Task What_has_expired_is_gone_and_takes_no_room()
    {
        var conversations = new MemoryConversations(1 << 20, _time);
        await SaveAsync(conversations, Turn("a", expires: _time.Now.AddDays(1)), Turn("b", expires: _time.Now.AddDays(3)));
        _time.Now = _time.Now.AddDays(1);
        Assert.Null(await conversations.FindAsync("a", "", default));
        Assert.NotNull(await conversations.FindAsync("b", "", default));
        _time.Now = _time.Now.AddDays(2);
        await SaveAsync(conversations, Turn("c"));
        Assert.Equal((1, 0), (conversations.Count, conversations.Dropped));
    }

    [Fact]
    public async Task Beyond_the_bound_goes_what_was_used_longest_ago()
    {
        const int each = MemoryConversations.Overhead + 100;
        var conversations = new MemoryConversations(3 * each, _time);
        await SaveAsync(conversations, Turn("old"), Turn("a"), Turn("b"));
        Assert.Equal(3 * each, conversations.Bytes);
        Assert.NotEmpty(await conversations.HistoryAsync("old", "", default));
        await SaveAsync(conversations, Turn("c"));
        Assert.Null(await conversations.FindAsync("a", "", default));
        Assert.NotNull(await conversations.FindAsync("old", "", default));
        Assert.Equal((3, 3L * each, 1L), (conversations.Count, conversations.Bytes, conversations.Dropped));
        await SaveAsync(conversations, Turn("huge", bytes: 1 << 20));
        Assert.Equal((0, 0L), (conversations.Count, conversations.Bytes));
    }

    [Fact]
    public async Task Saved_again_it_is_replaced()
    {
        var conversations = new MemoryConversations(1 << 20, _time);
        await SaveAsync(conversations, Turn("a", bytes: 1_000), Turn("a", bytes: 500));
        Assert.Equal((1, MemoryConversations.Overhead + 500L), (conversations.Count, conversations.Bytes));
        Assert.Equal(498, (await conversations.FindAsync("a", "", default))!.Body.Length);
    }
}
