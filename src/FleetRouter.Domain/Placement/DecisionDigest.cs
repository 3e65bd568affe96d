using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Prefixes;

namespace FleetRouter.Domain.Placement;

/// <summary>One number for all that a pool decided, in order: equal digests mean the same requests sent to the same instances,
/// at the same times and for the same reasons, whichever host the pool ran in.</summary>
/// <remarks>A chain of 64-bit mixes (<see cref="XxHash64.Mix"/>) over every field of every decision: good against chance, not
/// against malice. Not for two threads at once.</remarks>
public sealed class DecisionDigest
{
    /// <summary>The digest of all that was added; 0 before the first decision.</summary>
    public ulong Value { get; private set; }

    /// <summary>Decisions added.</summary>
    public long Decisions { get; private set; }

    /// <summary>Whether an effect is a decision about a request, as against word of an instance or a wish for an alarm.</summary>
    public static bool IsDecision(PoolEffect effect) => effect is Dispatch or Move or Migrate or Hedge or Refuse or Held;

    /// <summary>The digest of one decision alone.</summary>
    public static ulong Of(PoolEffect effect)
    {
        var digest = new DecisionDigest();
        digest.Add(effect);
        return digest.Value;
    }

    /// <summary>Adds an effect; one that is no decision changes nothing.</summary>
    public void Add(PoolEffect effect)
    {
        switch (effect)
        {
            case Dispatch e: Begin(1, e.RequestId); Mix(e.Instance); Mix(e.Decision); break;
            case Refuse e: Begin(2, e.RequestId); Mix(e.Refusal); Mix(e.Decision); break;
            case Held e: Begin(3, e.RequestId); break;
            case Move e: Begin(4, e.RequestId); Mix(e.From); Mix(e.To); Mix(e.Decision); break;
            case Migrate e: Begin(5, e.RequestId); Mix(e.From); Mix(e.To); Mix(e.Decision); break;
            case Hedge e: Begin(6, e.RequestId); Mix(e.From); Mix(e.To); Mix(e.Decision); break;
        }
    }

    /// <summary>Adds effects in order.</summary>
    public void Add(IReadOnlyList<PoolEffect> effects)
    {
        for (int i = 0; i < effects.Count; i++)
            Add(effects[i]);
    }

    /// <summary>The digest as text: 16 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16");

    private void Begin(ulong kind, string requestId)
    {
        Decisions++;
        Mix(kind);
        Mix(requestId);
    }

    private void Mix(Decision decision)
    {
        Mix(decision.RequestId);
        Mix(decision.ClientId);
        Mix(decision.At);
        Mix(decision.Pool);
        Mix(decision.Model);
        Mix((ulong)decision.Workload);
        Mix(decision.Policy);
        Mix((ulong)decision.Rule);
        Mix(decision.Instance);
        Mix((ulong)decision.PromptTokens);
        Mix((ulong)decision.EmittedTokens);
        Mix(decision.Key.Hash);
        Mix((ulong)decision.Key.Depth);
        Mix(decision.Key.Share);
        Mix((ulong)decision.Key.HotDepth);
        Mix((ulong)decision.Candidates.Count);
        for (int i = 0; i < decision.Candidates.Count; i++)
            Mix(decision.Candidates[i]);
        Mix((ulong)decision.Attempt);
        Mix(decision.HeldFor);
        Mix(decision.Refusal);
    }

    private void Mix(in CandidateScore score)
    {
        Mix(score.Instance);
        Mix((ulong)score.Role);
        Mix((ulong)score.CachedTokens);
        Mix((ulong)score.UncachedTokens);
        Mix((ulong)score.PendingPrefillTokens);
        Mix((ulong)score.Requests);
        Mix(score.EstimatedTtft);
        Mix(score.Refused);
        Mix(score.Cost is null ? 0UL : 1);
        if (score.Cost is { } cost)
            Mix(cost);
    }

    private void Mix(in CostTerms cost)
    {
        Mix(cost.Own);
        Mix(cost.Wait);
        Mix(cost.Late);
        Mix(cost.Crowding);
        Mix(cost.Eviction);
        Mix(cost.Future);
        Mix(cost.Anchor);
    }

    private void Mix(Refusal? refusal)
    {
        Mix(refusal is null ? 0UL : 1);
        if (refusal is null)
            return;
        Mix((ulong)refusal.Kind);
        Mix(refusal.Reason);
        Mix(refusal.Message);
        Mix(refusal.RetryAfter is null ? 0UL : 1);
        Mix(refusal.RetryAfter ?? TimeSpan.Zero);
    }

    private void Mix(ulong value) => Value = XxHash64.Mix(Value, value);

    private void Mix(TimeSpan value) => Mix((ulong)value.Ticks);

    private void Mix(double value) => Mix(BitConverter.DoubleToUInt64Bits(value));

    private void Mix(string? text)
    {
        Mix(text is null ? 0UL : 1);
        if (text is not null)
            Mix(XxHash64.Of(text));
    }
}
