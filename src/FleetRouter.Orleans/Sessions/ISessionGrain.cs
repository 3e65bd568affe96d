using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Sessions;

/// <summary>One conversation: its key is what the ids of its turns have in common (<see cref="Hosting.Conversations.ResponseId"/>), its activation the
/// one that puts its turns and deletions in order.</summary>
[Alias("fleetrouter.session")]
internal interface ISessionGrain : IGrainWithStringKey
{
    /// <summary>Keeps a turn. From then on every gateway finds it; when this returns, it is written, or waits where the actor runs.</summary>
    [Alias("keep")]
    Task KeepAsync(TurnOnWire turn);

    /// <summary>A turn alone.</summary>
    /// <returns>It, or none; null where that cannot be told now.</returns>
    [Alias("find")]
    Task<IReadOnlyList<TurnOnWire>?> FindAsync(string id, string owner);

    /// <summary>A turn with all before it.</summary>
    /// <returns>From the first turn on, or none; null where that cannot be told now.</returns>
    [Alias("history")]
    Task<IReadOnlyList<TurnOnWire>?> HistoryAsync(string id, string owner);

    /// <summary>Deletes a turn.</summary>
    /// <returns>Whether there was one; null where that cannot be told now.</returns>
    [Alias("delete")]
    Task<bool?> DeleteAsync(string id, string owner);
}
