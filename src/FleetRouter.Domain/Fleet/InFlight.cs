using FleetRouter.Domain.Placement;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Fleet;

/// <summary>A request between its arrival and its end: held, or holding a lease on one instance.</summary>
internal sealed class InFlight(PlacementRequest request, TimeSpan arrivedAt)
{
    public readonly PlacementRequest Request = request;
    public readonly TimeSpan ArrivedAt = arrivedAt;

    /// <summary>Prompt length in tokens, estimated once so that what a lease took is what it gives back.</summary>
    public int PromptTokens;

    /// <summary>The prefix it is placed by; counted into the hotness window once, however often it is placed.</summary>
    public PrefixKey Key;

    /// <summary>Under which key its conversation's home is remembered, where it has one.</summary>
    public ulong? HomeKey;

    public int Attempt = 1;

    /// <summary>Instances this request found out of reach.</summary>
    public List<Instance>? Failed;

    // The lease; Instance is null while the request is held.
    public Instance? Instance;
    public TimeSpan DispatchedAt;
    public long BacklogAtDispatch;
    public int UncachedTokens;
    public int ProjectedOutput;
    public int OutputTokens;
    public bool PrefillDone;

    /// <summary>Whether it was moved from one instance's queue to another's.</summary>
    public bool Moved;

    // The hold.
    public LinkedListNode<InFlight>? HoldPlace;
    public TimeSpan HeldSince;
    public TimeSpan HeldFor;

    public int RemainingOutput => Math.Max(0, ProjectedOutput - OutputTokens);

    public void Lease(Instance instance, TimeSpan at, int uncachedTokens, int projectedOutput, long backlog)
    {
        (Instance, DispatchedAt, UncachedTokens, ProjectedOutput) = (instance, at, uncachedTokens, projectedOutput);
        (OutputTokens, PrefillDone, BacklogAtDispatch) = (0, false, backlog);
        instance.Take(this);
    }

    /// <summary>Moves the lease on: the prefill is done at the first token, the decode shrinks with each.</summary>
    public void Progress(int outputTokens)
    {
        if (Instance is not { } instance || outputTokens <= OutputTokens)
            return;
        if (!PrefillDone)
        {
            PrefillDone = true;
            instance.EndPrefill(this);
        }
        int remaining = RemainingOutput;
        OutputTokens = outputTokens;
        instance.DecodeTokens -= remaining - RemainingOutput;
    }

    public void EndLease()
    {
        Instance?.Release(this);
        Instance = null;
    }
}
