using FleetRouter.Hosting.Conversations;
using FleetRouter.Hosting.Ports;

namespace FleetRouter.Gateway.Tests.Responses;

public sealed class RememberedConversationsTests
{
    private readonly AwayConversations _shared = new();
    private readonly RememberedConversations _conversations;
    private readonly RememberedConversations _other;

    public RememberedConversationsTests()
    {
        _conversations = Gateway();
        _other = Gateway();
    }

    private RememberedConversations Gateway() => new(_shared, new MemoryConversations(1_000_000, TimeProvider.System));

    private static StoredResponse Turn(string id, string? previous = null) =>
        new(id, previous, "o", DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1), "[]"u8.ToArray(), "{}"u8.ToArray());

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_what_keeps_them_is_away_a_conversation_goes_on_where_it_was_seen_and_nowhere_else()
    {
        await _conversations.SaveAsync(Turn("a"), Stop);
        await _conversations.SaveAsync(Turn("b", "a"), Stop);
        _shared.IsAway = true;
        Assert.Equal(["a", "b"], (await _conversations.HistoryAsync("b", "o", Stop)).Select(turn => turn.Id));
        Assert.Equal("a", (await _conversations.FindAsync("a", "o", Stop))!.Id);
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => _conversations.FindAsync("a", "somebody else", Stop));
        await Assert.ThrowsAsync<ConversationsUnavailableException>(() => _other.HistoryAsync("b", "o", Stop));
    }

    [Fact]
    public async Task A_history_that_was_read_is_remembered_with_all_its_turns()
    {
        await _conversations.SaveAsync(Turn("a"), Stop);
        await _conversations.SaveAsync(Turn("b", "a"), Stop);
        await _other.HistoryAsync("b", "o", Stop);
        _shared.IsAway = true;
        Assert.Equal(["a", "b"], (await _other.HistoryAsync("b", "o", Stop)).Select(turn => turn.Id));
    }

    [Fact]
    public async Task What_is_remembered_is_not_remembered_again_and_counts_as_used()
    {
        var recent = new MemoryConversations(4 * (MemoryConversations.Overhead + 4), TimeProvider.System);
        var gateway = new RememberedConversations(_shared, recent);
        foreach (StoredResponse turn in new[] { Turn("a"), Turn("b", "a"), Turn("c", "b") })
            await _shared.SaveAsync(turn, Stop);
        await gateway.HistoryAsync("b", "o", Stop);
        StoredResponse? first = await recent.FindAsync("a", "o", Stop);
        await gateway.SaveAsync(Turn("x"), Stop);
        await gateway.HistoryAsync("c", "o", Stop);   // a new turn, come by way of another gateway
        Assert.Same(first, await recent.FindAsync("a", "o", Stop));
        Assert.Equal(4, recent.Count);
        await gateway.SaveAsync(Turn("y"), Stop);
        Assert.Null(await recent.FindAsync("x", "o", Stop));
        _shared.IsAway = true;
        Assert.Equal(["a", "b", "c"], (await gateway.HistoryAsync("c", "o", Stop)).Select(turn => turn.Id));
    }

    [Fact]
    public async Task What_another_gateway_deleted_is_gone_here_too()
    {
        await _conversations.SaveAsync(Turn("a"), Stop);
        Assert.True(await _other.DeleteAsync("a", "o", Stop));
        Assert.Null(await _conversations.FindAsync("a", "o", Stop));
        Assert.Empty(await _conversations.HistoryAsync("a", "o", Stop));
        Assert.False(await _conversations.DeleteAsync("a", "o", Stop));
    }

    /// <summary>Shared conversations that can be out of reach; each time they are read they are other objects, as from a database.</summary>
    private sealed class AwayConversations : IConversations
    {
        private readonly MemoryConversations _kept = new(1_000_000, TimeProvider.System);

        public bool IsAway { get; set; }

        private MemoryConversations Kept => IsAway ? throw new ConversationsUnavailableException("away") : _kept;

        public Task SaveAsync(StoredResponse response, CancellationToken cancellation) => _kept.SaveAsync(response, cancellation);
        public async Task<StoredResponse?> FindAsync(string id, string owner, CancellationToken cancellation) => await Kept.FindAsync(id, owner, cancellation);
        public async Task<IReadOnlyList<StoredResponse>> HistoryAsync(string id, string owner, CancellationToken cancellation) => [.. (await Kept.HistoryAsync(id, owner, cancellation)).Select(turn => turn with { })];
        public async Task<bool> DeleteAsync(string id, string owner, CancellationToken cancellation) => await Kept.DeleteAsync(id, owner, cancellation);
        public ValueTask<string?> HomeAsync(string pool, string session, CancellationToken cancellation) => new((string?)null);
        public void Settled(string pool, string session, string instance)
        {
        }
    }
}
