using FleetRouter.Domain.Migration;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Fleet;

/// <summary>Requests that move once they were dispatched: off a queue, off an instance that runs out of room, off one that is emptied.</summary>
/// <remarks>Llumnix (arXiv 2406.03243), for engines as they are: nothing can be copied between them, so that a request is carried over by
/// having the target compute its prompt and its answer so far while the source answers on, and what that costs is weighed against what
/// it gains. A round is held for an instance when its probe comes in, since then there is news of it: no timer, no work between the
/// probes. It is paired with the freest of the others, one answer at a time for each of the two.</remarks>
public sealed partial class Pool
{
    /// <summary>Times a request is moved to relieve an instance: whatever the estimates are worth, it does not go round the fleet.</summary>
    private const int MostMoves = 3;

    /// <summary>Queued requests looked at in one round.</summary>
    private const int MostQueuedLookedAt = 16;

    /// <summary>Answers carried over at once from an instance that is emptied, and to any one target meanwhile. An instance has up to some 256
    /// answers, and warming one takes some 0.3 s beside a running batch: 256 · 0.3 s / 16 = 5 s, within the 10 s a drain may take.
    /// Four prefills at once are a step or two of a target's token budget.</summary>
    private const int MostLeaving = 16, MostArriving = 4;

    /// <summary>A round: what queues goes where it begins sooner; if room is short then, the easiest answer goes to the freest.</summary>
    private void Relieve(Instance from, List<PoolEffect> effects)
    {
        Empty(from, effects);
        if (!_options.Migration || from.State != InstanceState.Ready)
            return;
        if (Freeness.Waiting(from) > 0)
            RelieveQueue(from, effects);
        if (from.Leaving + from.Arriving > 0 || from.Answering.Count < 2 || Freeness.Of(from) >= Relief.OutSteps
            || Relief.Freest(_roster.All) is not { } to || Relief.Easiest(from, to, MostMoves) is not { } work || work.SequenceTokens > _mayCarry)
            return;
        if (Relief.Answering(QueryFor(work.Onward(), null), from, to) is not { } transfer)
            return;
        _mayCarry -= work.SequenceTokens;
        CarryOver(work, transfer, PlacementRule.Relieved, effects);
    }

    /// <summary>Those of high priority first, then the others in the order of the queue.</summary>
    private void RelieveQueue(Instance from, List<PoolEffect> effects)
    {
        if (from.HighRequests > 0)
            RelieveQueue(from, isHigh: true, effects);
        RelieveQueue(from, isHigh: false, effects);
    }

    private void RelieveQueue(Instance from, bool isHigh, List<PoolEffect> effects)
    {
        int first = from.Prefilling.Count - Freeness.Waiting(from), tried = 0;
        double queued = 0, missing = from.PinnedTokens - from.KvCapacityTokens;
        for (int place = first; place < from.Prefilling.Count; place++)
        {
            queued += from.Prefilling[place].PrefillWork;
            missing -= from.Prefilling[place].UncachedTokens;
        }
        // Of what is computed now much may be done.
        double ahead = Math.Max(0, from.Line.Seconds(_now) * from.PrefillRate - queued);
        // An engine serves its queue in order, whoever has priority: the wait is told by the place.
        foreach (InFlight work in from.Prefilling.Skip(first).ToArray())
        {
            missing += work.UncachedTokens;
            if (work.Request.Priority > 0 == isHigh && work.Request.CanMove && !work.IsAskedTwice && work.Moves < MostMoves && tried++ < MostQueuedLookedAt
                && Relief.Queued(QueryFor(work, null), from, ahead / from.PrefillRate, missing) is { } transfer)
            {
                missing -= work.UncachedTokens;
                MoveQueued(work, transfer.To, PlacementRule.Rebalanced, transfer.Here, transfer.There, effects);
            }
            else
                ahead += work.PrefillWork;
        }
    }

    /// <summary>Has everything leave an instance that is to be empty, as far as the others have room: what has no first token at once, the answers
    /// that do not end soon a few at a time, each to where the policy in force would place it.</summary>
    private void Empty(Instance from, List<PoolEffect> effects)
    {
        if (!_roster.IsToEmpty(from))
            return;
        foreach (InFlight work in from.Prefilling.Where(w => w.Request.CanMove && !w.IsAskedTwice).ToArray())
            if (Elsewhere(work, from) is { } transfer)
                MoveQueued(work, transfer.To, PlacementRule.Drained, transfer.Here, transfer.There, effects);
        InFlight[] answering = [.. from.Answering.Where(w => w.Request.CanMove && w.Successor is null && !EndsSoon(w, from)).OrderBy(w => w.SequenceTokens).ThenBy(w => w.Order)];
        for (int i = 0; i < answering.Length && from.Leaving < MostLeaving; i++)
            if (Elsewhere(answering[i].Onward(), from) is { } transfer && transfer.To.Arriving < MostArriving)
                CarryOver(answering[i], transfer, PlacementRule.Drained, effects);
    }

    /// <summary>What discovery no longer names is probed no more: it has its rounds when others are.</summary>
    private void EmptyDeparted(List<PoolEffect> effects)
    {
        for (int i = 0; i < _roster.Emptying.Count; i++)
            if (_roster.Emptying[i] is { State: InstanceState.Gone } departed)
                Empty(departed, effects);
    }

    /// <summary>Whether an answer will probably have ended, at the pace of its instance, in half the time the drain may take, so that one that has not
    /// is still carried over in time. Of one that is longer than expected nothing is known but that: half as much again.</summary>
    private bool EndsSoon(InFlight work, Instance from)
    {
        double left = Math.Max(work.RemainingOutput, 0.5 * work.OutputTokens);
        if (work.Request.MaxOutputTokens is { } most)
            left = Math.Min(left, most - work.Emitted - work.OutputTokens);
        return from.Health.Pace.At(_now) is { } pace && _now + TimeSpan.FromSeconds(left * pace) <= from.StateSince + from.DrainsWithin / 2;
    }

    /// <summary>Where the policy would place a request now, if there is room.</summary>
    private Transfer? Elsewhere(InFlight work, Instance from)
    {
        if (_roster.Ready(work.Request.Model).Instances.Length == 0)
            return null;
        PlacementQuery query = QueryFor(work, HomeOf(work));
        Choice choice = _policy.Place(query);
        if (choice.Instance is not { } to || (choice.Fit ?? query.Fit(to)).Obstacle is not null)
            return null;
        return Relief.Found(query, from, to, work.Instance is null ? CandidateRole.Answering : CandidateRole.Queued, TimeSpan.Zero);
    }

    /// <summary>Share of all tokens that may be computed again to relieve instances, and how many may be at once: a fleet that is full everywhere
    /// only shifts its trouble.</summary>
    private const double CarriedShare = 0.015, MostCarried = 32_768;

    /// <summary>Tokens that may be carried over now.</summary>
    private double _mayCarry = MostCarried / 8;

    private void MayCarry(InFlight ended) => _mayCarry = Math.Min(MostCarried, _mayCarry + CarriedShare * ended.SequenceTokens);

    private void MoveQueued(
        InFlight work, Instance to, PlacementRule rule, in CandidateScore here, in CandidateScore there, List<PoolEffect> effects)
    {
        Instance from = work.Instance!;
        work.EndLease(_now);
        work.Moves++;
        _homes.Find(work, _now, _options.SessionIdleTime);   // the home moves along
        Lease(work, to, there.CachedTokens);
        effects.Add(new Move(work.Request.Id, from.Id, to.Id, Decide(work, rule, to.Id, [here, there], null)) { Patience = work.Patience });
    }

    /// <summary>Has the target compute the prompt and the answer so far; the source answers on meanwhile.</summary>
    private void CarryOver(InFlight work, in Transfer transfer, PlacementRule rule, List<PoolEffect> effects)
    {
        (Instance from, Instance to, InFlight successor) = (work.Instance!, transfer.To, transfer.Work);
        _homes.Find(successor, _now, _options.SessionIdleTime);
        Lease(successor, to, transfer.There.CachedTokens);
        to.Pace.Spend(PrefillWork.Of(successor.UncachedTokens, successor.PromptTokens) / to.PrefillRate, _now);
        work.CarryOver(successor);
        effects.Add(new Migrate(work.Request.Id, from.Id, to.Id, Decide(successor, rule, to.Id, [transfer.Here, transfer.There], null)) { Patience = successor.Patience });
    }

    /// <summary>It was carried over, or stays where it is.</summary>
    private void CarriedOver(MigrationEnded e, List<PoolEffect> effects)
    {
        if (!_inFlight.TryGetValue(e.RequestId, out InFlight? work) || work.Successor is null)
            return;
        Instance from = work.Instance!;
        InFlight successor = work.LetGo();
        InFlight leaves = e.Failure is null ? work : successor;
        Instance freed = leaves.Instance!;
        leaves.EndLease(_now);
        if (leaves == work)
        {
            successor.Instance!.Line.Finish(successor, _now);
            successor.GoesOnAt(e.EmittedTokens);
            _inFlight[e.RequestId] = successor;
            Offer(successor.Instance, effects);
        }
        else
        {
            (work.Failed ??= []).Add(freed);   // it is not tried there again
            ProbeSoon(freed, effects);
        }
        Empty(from, effects);
        Offer(freed, effects);
        ReleaseHeld(effects);
    }
}
