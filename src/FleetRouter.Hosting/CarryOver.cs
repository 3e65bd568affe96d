namespace FleetRouter.Hosting;

/// <summary>The pool wants a request that is under way at another instance.</summary>
/// <param name="From">Where it is.</param>
/// <param name="To">Where it is to go.</param>
/// <param name="AtOnce">It has no first token yet and is the other's from now on (<see cref="Domain.Fleet.Move"/>); otherwise its answer is to be
/// carried over while it streams, and the outcome reported (<see cref="Domain.Fleet.Migrate"/>).</param>
public sealed record CarryOver(string From, Placement To, bool AtOnce)
{
    /// <summary>It is to be asked there too, until one of the two has a first token (<see cref="Domain.Fleet.Hedge"/>).</summary>
    public bool IsHedge { get; init; }
}
