using FleetRouter.Domain.Health;

namespace FleetRouter.Domain.Fleet;

/// <summary>A pool as its gateways need it to place requests themselves while it does not answer.</summary>
/// <param name="Served">What it serves.</param>
/// <param name="Instances">The instances that take work, in order of id.</param>
/// <param name="BytesPerToken">Learned bytes of request text a prompt token.</param>
public sealed record PoolSnapshot(ServedModels Served, IReadOnlyList<InstanceSnapshot> Instances, double BytesPerToken)
{
    /// <summary>A pool that has told nothing yet.</summary>
    public static readonly PoolSnapshot Empty = new(new ServedModels([], true), [], 4);
}

/// <summary>One instance that takes work.</summary>
/// <param name="Id">The instance.</param>
/// <param name="Models">What it serves.</param>
/// <param name="Requests">Requests it has, of all gateways and of others.</param>
/// <param name="PendingPrefillTokens">Prompt tokens queued on it.</param>
/// <param name="PrefillTokensPerSecond">Learned prefill speed.</param>
/// <param name="Patience">How long it may be silent.</param>
public sealed record InstanceSnapshot(
    string Id, IReadOnlyList<string> Models, int Requests, long PendingPrefillTokens, double PrefillTokensPerSecond, Patience Patience);
