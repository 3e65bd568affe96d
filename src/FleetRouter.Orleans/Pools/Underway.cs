using FleetRouter.Domain.Placement;
using FleetRouter.Hosting;
using FleetRouter.Orleans.Wire;

namespace FleetRouter.Orleans.Pools;

/// <summary>One request of this gateway's, from its question to its end. Guarded by its pool's gate.</summary>
internal sealed class Underway(PlacementRequest request)
{
    public readonly PlacementRequest Request = request;
    public readonly List<string> Failed = [];
    public Action<CarryOver>? CarryOver;

    /// <summary>Where it is; null while it waits for an answer.</summary>
    public string? Instance;
    public int Attempt = 1, Emitted, OutputTokens;
    public TimeSpan Since;

    /// <summary>Where the pool last wanted it.</summary>
    public Placement? Wanted;

    /// <summary>Who waits for an answer, and what was asked; null while nobody does.</summary>
    public TaskCompletionSource<Placement>? Answer;
    public Func<ToPool>? Question;

    /// <summary>Where the pool wants it next; it came before the answer.</summary>
    public Wanted? Early;

    /// <summary>The pool has the question and no instance yet.</summary>
    public bool IsHeld;

    public void IsAt(string instance, TimeSpan now) => (Instance, Since, Wanted) = (instance, now, null);

    public void Resolve(Placement placement)
    {
        TaskCompletionSource<Placement>? waiting = Answer;
        (Answer, Question, IsHeld) = (null, null, false);
        waiting?.TrySetResult(placement);
    }
}
