using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Health;
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

    /// <summary>Attempts since the client last got a token, this one included.</summary>
    public int Fruitless = 1;

    /// <summary>Tokens of the answer that earlier attempts gave the client; this one goes on behind them.</summary>
    public int Emitted;

    /// <summary>Since when its client waits for a token: since it came, or since its answer broke off.</summary>
    public TimeSpan WaitsSince = arrivedAt;

    /// <summary>Times the answer broke off and goes on elsewhere.</summary>
    public int Resumes;

    /// <summary>Instances this request found out of reach.</summary>
    public List<Instance>? Failed;

    // The lease; Instance is null while the request is held.
    public Instance? Instance;
    public TimeSpan DispatchedAt;
    public int UncachedTokens;
    public int ProjectedOutput;

    /// <summary>What its hold on the instance's prefix index is let go with.</summary>
    public PrefixPin Pin;

    /// <summary>Work of the uncached part, as <see cref="Fleet.PrefillWork"/> counts it.</summary>
    public double PrefillWork;

    /// <summary>When the last report of its tokens came, and how many there were.</summary>
    public TimeSpan PacedAt;
    public int PacedTokens;

    /// <summary>Silence on this instance after which the attempt counts as stalled: before its first token, and after.</summary>
    public Patience Patience;

    public int OutputTokens;
    public bool PrefillDone;

    /// <summary>Times it was moved to another instance, before its first token or after.</summary>
    public int Moves;

    /// <summary>The same request on the instance it is being carried over to, with the lease it has there; null while it is not.</summary>
    public InFlight? Successor;

    /// <summary>Whether it is a successor that is being computed: the request itself is still elsewhere.</summary>
    public bool IsArriving;

    /// <summary>The same request on a second instance that is to give it its first token, with the lease it has there; null while it is asked once.</summary>
    public InFlight? Second;

    /// <summary>Whether it was ever asked twice: that is done once.</summary>
    public bool IsHedged;

    /// <summary>Whether it is on two instances at once, here and elsewhere.</summary>
    public bool IsAskedTwice => IsArriving || Second is not null;

    /// <summary>Seconds to its first token expected when it was sent.</summary>
    public double ExpectedSeconds;

    /// <summary>When its first token is late; null where that is nobody's concern.</summary>
    public TimeSpan? LateAt;

    /// <summary>Its place among those its instance answers.</summary>
    public int AnsweringAt;

    // The hold. A request that waits for one instance has a claim on it: why that one was chosen.
    public Instance? Claim => Bound.Instance;
    public Choice Bound;

    /// <summary>When its prefill is to begin at the latest if it is to meet its SLO; who must begin first goes first.</summary>
    public TimeSpan LatestStart;

    /// <summary>Whether it is one of the longest prompts (<see cref="LongPrompts"/>).</summary>
    public bool IsLong;

    /// <summary>By how much it goes before that turn, as one of them.</summary>
    public TimeSpan Lead;

    /// <summary>Tokens of a cache it leaves to them.</summary>
    public long LeavesFree;

    /// <summary>Whether an idle instance could meet its SLO.</summary>
    public bool HasSlo;

    /// <summary>Its place among all arrivals.</summary>
    public long Order;

    public LinkedListNode<InFlight>? HoldPlace;
    public TimeSpan HeldSince;
    public TimeSpan HeldFor;

    /// <summary>What is decided about it now, for the record.</summary>
    public Decision Decide(PoolOptions options, TimeSpan now, PlacementRule rule, string? instance, CandidateScore[] weighed, Refusal? refusal) => new()
    {
        RequestId = Request.Id,
        ClientId = Request.ClientId,
        At = now,
        Pool = options.Name,
        Model = Request.Model,
        Workload = WorkloadKinds.Of(Request),
        Policy = options.Policy,
        Rule = rule,
        Instance = instance,
        PromptTokens = PromptTokens,
        EmittedTokens = Emitted,
        Key = Key,
        Candidates = weighed,
        Attempt = Attempt,
        HeldFor = HeldFor,
        Refusal = refusal,
    };

    public int RemainingOutput => Math.Max(0, ProjectedOutput - OutputTokens);

    /// <summary>The answer goes on behind the tokens the client has: they are part of the prompt from here on.</summary>
    public void ResumeAt(int emitted, TimeSpan now)
    {
        WaitsSince = now;
        PromptTokens += emitted - Emitted;
        Emitted = emitted;
        Resumes++;
    }

    public void Lease(Instance instance, TimeSpan at, int uncachedTokens, int projectedOutput)
    {
        (Instance, DispatchedAt, UncachedTokens, ProjectedOutput) = (instance, at, uncachedTokens, projectedOutput);
        (OutputTokens, PrefillDone) = (0, false);
        PrefillWork = Fleet.PrefillWork.Of(uncachedTokens, PromptTokens);
        (PacedAt, PacedTokens) = (at, 0);
        instance.Take(this);
    }

    /// <summary>Length of prompt and answer so far: what it takes of a cache, and what another instance would have to compute.</summary>
    public int SequenceTokens => PromptTokens + OutputTokens;

    /// <summary>The same request as it goes on behind the tokens reported so far, on another instance.</summary>
    public InFlight Onward() => new(Request, ArrivedAt)
    {
        PromptTokens = SequenceTokens, Emitted = Emitted + OutputTokens, Key = Key, Attempt = Attempt, Fruitless = Fruitless, Resumes = Resumes,
        Moves = Moves + 1, Failed = Failed, Order = Order, LatestStart = LatestStart, HasSlo = HasSlo, HeldFor = HeldFor,
        IsHedged = IsHedged,
    };

    /// <summary>Begins to carry it over; <paramref name="successor"/> has its lease.</summary>
    public void CarryOver(InFlight successor)
    {
        Successor = successor;
        successor.IsArriving = true;
        Instance!.Leaving++;
        successor.Instance!.Arriving++;
    }

    /// <summary>It is carried over no more, be it that it was; the lease of its successor goes on.</summary>
    public InFlight LetGo()
    {
        InFlight successor = Successor!;
        (Successor, successor.IsArriving) = (null, false);
        Instance!.Leaving--;
        successor.Instance!.Arriving--;
        return successor;
    }

    /// <summary>It is asked of one instance again, whichever of the two; the lease of the second goes on. Null if there is no second.</summary>
    public InFlight? LetSecondGo()
    {
        if (Second is not { } second)
            return null;
        (Second, second.IsArriving) = (null, false);
        return second;
    }

    /// <summary>The client has so many tokens now that it goes on here: what came while the prompt was computed is part of it.</summary>
    public void GoesOnAt(int emitted)
    {
        PrefillDone = true;
        Instance!.EndPrefill(this);
        Instance.BeginAnswer(this);
        int more = Math.Max(0, emitted - Emitted);
        (Emitted, PromptTokens) = (Emitted + more, PromptTokens + more);
        Instance.AnswerTokens += more;
        Instance.PromptTokens += more;
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
            instance.BeginAnswer(this);
        }
        instance.AnswerTokens += outputTokens - OutputTokens;
        int remaining = RemainingOutput;
        OutputTokens = outputTokens;
        instance.DecodeTokens -= remaining - RemainingOutput;
    }

    /// <summary>Ends the lease, and that of its successor or its second.</summary>
    public void EndLease(TimeSpan now)
    {
        if (Instance is not { } instance)
            return;
        if (Successor is not null)
            LetGo().EndLease(now);
        LetSecondGo()?.EndLease(now);
        instance.Release(this);
        instance.Leased((now - DispatchedAt).TotalSeconds);
        instance.Prefixes.Unpin(Request.Prompt.Hashes, Pin, now);
        Instance = null;
    }

    /// <summary>Waits for the instance that was chosen.</summary>
    public void ClaimOn(in Choice choice, in Fit fit)
    {
        Bound = choice;
        Claim!.Claims.Add(this, fit.Own, fit.KvTokens);
    }

    public void GiveUpClaim()
    {
        Claim!.Claims.Remove(this);
        Bound = default;
    }

    /// <summary>The mean time between tokens since the report before, seconds; null at the first.</summary>
    public double? InterTokenSince(TimeSpan now, int outputTokens)
    {
        double? seconds = PacedTokens > 0 && outputTokens > PacedTokens ? (now - PacedAt).TotalSeconds / (outputTokens - PacedTokens) : null;
        (PacedAt, PacedTokens) = (now, outputTokens);
        return seconds;
    }
}
