using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Hosting;

/// <summary>One pool as those who serve requests reach it: in this process (<see cref="PoolHost"/>), or wherever a cluster runs it.</summary>
public interface IPool
{
    /// <summary>The options in force.</summary>
    PoolOptions Options { get; }

    /// <summary>What the pool serves, as last published; may be read from any thread.</summary>
    ServedModels Served { get; }

    /// <summary>Asks for an instance. Answers at once unless the request is held.</summary>
    /// <param name="request">The request.</param>
    /// <param name="clientGone">The client's own token.</param>
    /// <param name="carryOver">Told when the pool wants the request elsewhere, or elsewhere too, while it is under way; must not block.</param>
    /// <exception cref="OperationCanceledException"><paramref name="clientGone"/> fired while the request was held;
    /// nothing is left of it.</exception>
    Task<Placement> PlaceAsync(PlacementRequest request, CancellationToken clientGone, Action<CarryOver>? carryOver = null);

    /// <summary>Reports that an attempt came to no end of the answer, and asks for another instance.</summary>
    /// <param name="requestId">The request.</param>
    /// <param name="failure">What failed.</param>
    /// <param name="reason">What happened, in one line.</param>
    /// <param name="emittedTokens">Tokens of the answer the client has.</param>
    /// <param name="clientGone">The client's own token.</param>
    /// <exception cref="OperationCanceledException">As for <see cref="PlaceAsync"/>.</exception>
    Task<Placement> RetryAsync(string requestId, AttemptFailure failure, string reason, int emittedTokens, CancellationToken clientGone);

    /// <summary>Reports that tokens of an answer passed; the first of these ends the prefill.</summary>
    /// <param name="requestId">The request.</param>
    /// <param name="outputTokens">Output tokens so far in this attempt.</param>
    /// <param name="longestGap">Longest time between two of those since the report before.</param>
    void Progressed(string requestId, int outputTokens, TimeSpan longestGap = default);

    /// <summary>Reports what became of carrying a request over.</summary>
    /// <param name="requestId">The request.</param>
    /// <param name="emittedTokens">Tokens of the answer the client had when it was cut over.</param>
    /// <param name="failure">Why it stays where it is; null where it was cut over.</param>
    void MigrationEnded(string requestId, int emittedTokens, string? failure = null);

    /// <summary>Reports that of two attempts of a request one is left.</summary>
    /// <param name="requestId">The request.</param>
    /// <param name="end">Which, and why.</param>
    /// <param name="failure">What failed; null if nothing did.</param>
    /// <param name="reason">The same, in one line.</param>
    void HedgeEnded(string requestId, HedgeEnd end, AttemptFailure? failure = null, string? reason = null);

    /// <summary>Reports the end of a request; to be called once for every request that was placed, whatever the end.</summary>
    void Ended(string requestId, RequestEnd end, TokenUsage? usage);

    /// <summary>Has an instance emptied, or takes that back.</summary>
    /// <param name="instance">The instance.</param>
    /// <param name="drains">Whether it is to take no new work and its requests are to go elsewhere; false makes it one like the others again.</param>
    /// <param name="within">How long it may take (<see cref="DrainOrdered.Within"/>).</param>
    /// <param name="wait">Longest time to wait until it is empty.</param>
    /// <param name="gone">Ends the waiting.</param>
    /// <returns>The instance after that; null if the pool has none of that name.</returns>
    /// <exception cref="PoolUnavailableException">The pool cannot be asked now.</exception>
    Task<InstanceView?> DrainAsync(string instance, bool drains, TimeSpan within, TimeSpan wait, CancellationToken gone);

    /// <summary>The pool's state, taken between two events.</summary>
    /// <exception cref="PoolUnavailableException">The pool cannot be asked now.</exception>
    Task<PoolView> DescribeAsync();
}

/// <summary>A pool that runs elsewhere cannot be asked, with the reason in one line.</summary>
public sealed class PoolUnavailableException(string reason, Exception? inner = null) : Exception(reason, inner);
