using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Fleet;

/// <summary>Requests that wait in the router: for the first instance that has room, or for the one that suits them.</summary>
public sealed partial class Pool
{
    /// <summary>Requests that wait for others which an instance with room is offered to: bounds what an event costs.</summary>
    private const int MostOffers = 4;

    /// <summary>Share of the estimated wait that must be out of reach for a request to be refused rather than to wait and see.</summary>
    private const double SureOfWait = 0.5;

    /// <summary>One of the longest prompts waits and sees until its time is up: it waits for room in a cache, which the end of a single answer may
    /// give, and nobody takes that from it meanwhile.</summary>
    private static double SureOf(InFlight work) => work.IsLong ? 0 : SureOfWait;

    private void Hold(InFlight work, CandidateScore[] weighed, List<PoolEffect> effects)
    {
        if (NowhereToGo(work) is { } refusal)
            Refuse(work, refusal, weighed, effects);
        else if (TryHold(work, weighed, effects))
            foreach (Instance instance in _roster.All)
                if (instance.BusyUntil > _now)
                    WakeFor(instance, instance.BusyUntil);
                else if (instance.DoubtedUntil > _now)
                    WakeFor(instance, instance.DoubtedUntil);
    }

    /// <summary>Gives a request a place among those held, or refuses it where there is none.</summary>
    private bool TryHold(InFlight work, CandidateScore[] weighed, List<PoolEffect> effects)
    {
        if (_held.Count >= _options.MaxHeld)
        {
            Refuse(work, Busy("hold-queue-full", $"every instance is saturated and {_held.Count} requests wait already"), weighed, effects);
            return false;
        }
        _held.Add(work, _now);
        effects.Add(new Held(work.Request.Id));
        return true;
    }

    /// <summary>Has a request wait for one instance, which is the right one but not yet.</summary>
    private void Claim(InFlight work, in Choice choice, in Fit fit, List<PoolEffect> effects)
    {
        if (work.HoldPlace is null && !TryHold(work, [], effects))
            return;
        _held.Claim(work, choice, fit);
        WakeFor(choice.Instance!);
    }

    /// <summary>Whether the request's SLO is out of reach if its prefill begins in so many seconds.</summary>
    private bool IsTooLate(InFlight work, double wait) =>
        _options.RefuseLate && work.HasSlo && work.Emitted == 0 && _now + TimeSpan.FromSeconds(wait) > work.LatestStart;

    private Refusal Late(InFlight work) => Busy("slo-out-of-reach",
        $"no instance could give a first token within the {_options.TtftSloOf(work.PromptTokens).TotalSeconds:0.#} s promised");

    /// <summary>Whether the instance would take another prompt now if it has room in its cache.</summary>
    private bool IsFree(Instance instance) =>
        instance.State == InstanceState.Ready && instance.Closed(_now, _options) is null && instance.FreeAt(_now) <= _now;

    /// <summary>Whether somebody more urgent waits for the instance.</summary>
    private static bool IsBehind(InFlight work, Instance instance) =>
        instance.Claims.First is { } first && Claims.IsMoreUrgent(first, work);

    /// <summary>Binds held requests without a claim late, first come first served for each model but that high priority goes first, and refuses all whose time is up.
    /// Where no instance is left there is no order to keep: half an answer waits for one, who has nothing yet does not wait behind it.</summary>
    private void ReleaseHeld(List<PoolEffect> effects)
    {
        if (_held.HighWithoutClaim > 0)
            ReleaseHigh(effects);
        List<string>? blocked = null;
        for (LinkedListNode<InFlight>? node = _held.First, next; node is not null; node = next)
        {
            next = node.Next;
            InFlight work = node.Value;
            CandidateScore[] weighed = [];
            if (Deadline(work) > _now && (blocked?.Count ?? 0) == _held.Models)
                return;   // the others came later, and wait for one instance or behind one who does not
            bool isBlocked = blocked?.Contains(work.Request.Model) == true;
            if (work.Claim is null && !isBlocked && TryPlace(work, out weighed, effects) && work.Claim is null)
                continue;
            if (work.Claim is null && !isBlocked && NowhereToGo(work) is { } nowhere)
                Refuse(work, nowhere, weighed, effects);
            else if (Deadline(work) <= _now)
                Refuse(work, NowhereToGo(work) ?? Busy("hold-expired", $"no instance came free within {_options.MaxHoldTime.TotalSeconds:0.###} s"), weighed, effects);
            else if (work.Claim is null && !isBlocked && !StandsAside(work) && _roster.Ready(work.Request.Model).Instances.Length > 0)
                (blocked ??= []).Add(work.Request.Model);
        }
    }

    /// <summary>Those of high priority are bound first; who is not, keeps the place in the line.</summary>
    private void ReleaseHigh(List<PoolEffect> effects)
    {
        for (LinkedListNode<InFlight>? node = _held.First, next; node is not null; node = next)
        {
            next = node.Next;
            if (node.Value is { Request.Priority: > 0, Claim: null } work)
                TryPlace(work, out _, effects);
        }
    }

    private void OfferAll(List<PoolEffect> effects)
    {
        foreach (Instance instance in _roster.All)
            Offer(instance, effects);
    }

    /// <summary>Offers the instances whose time has come.</summary>
    private void OfferDue(List<PoolEffect> effects)
    {
        while (_wakes.Min is { } instance && instance.WakesAt <= _now)
        {
            WakeFor(instance, TimeSpan.MaxValue);
            Offer(instance, effects);
        }
    }

    /// <summary>The instance may have room: for those who wait for others and are more urgent than who waits for it, then for the latter.
    /// The most urgent of them is not passed, so that prompts that need much of the cache get it.</summary>
    private void Offer(Instance instance, List<PoolEffect> effects)
    {
        if (_held.Count == 0)
            return;
        if (IsFree(instance))
            OfferToOthers(instance, effects);
        while (instance.Claims.First is { } work)
            if (IsTooLate(work, 0))
                PlaceAnew(work, effects);
            else if (!IsFree(instance) || !TryStart(work, instance, effects))
                break;
        WakeFor(instance);
    }

    private void OfferToOthers(Instance instance, List<PoolEffect> effects)
    {
        int count = FindUrgent(instance);
        for (int i = 0; i < count && IsFree(instance); i++)
            if (_urgent[i] is { Claim: { } awaited } work && awaited != instance
                && instance.Serves(work.Request.Model) && _policy.Prefers(QueryFor(work, null), instance, awaited))
                PlaceAnew(work, effects);
    }

    /// <summary>Finds the most urgent of the first who wait for other instances, of those more urgent than who waits for this one.</summary>
    private int FindUrgent(Instance instance)
    {
        int count = 0;
        InFlight? own = instance.Claims.First;
        foreach (Instance other in _roster.All)
        {
            if (other == instance || other.Claims.First is not { } first || own is not null && Claims.IsMoreUrgent(own, first))
                continue;
            int place = Math.Min(count, MostOffers - 1);
            if (count == MostOffers && Claims.IsMoreUrgent(_urgent[place], first))
                continue;
            for (; place > 0 && Claims.IsMoreUrgent(first, _urgent[place - 1]); place--)
                _urgent[place] = _urgent[place - 1];
            _urgent[place] = first;
            count = Math.Min(count + 1, MostOffers);
        }
        return count;
    }

    /// <summary>Gives an instance the request that waits for it, if its cache has room.</summary>
    private bool TryStart(InFlight work, Instance instance, List<PoolEffect> effects)
    {
        PlacementQuery query = QueryFor(work, HomeOf(work));
        Fit fit = query.Fit(instance);
        if (fit.Obstacle is not null)
            return false;
        // What the others would have cost is told as it was when the instance was chosen.
        CandidateScore[] weighed = work.Bound.Candidates;
        int place = Array.FindIndex(weighed, c => c.Instance == instance.Id);
        weighed[place] = query.Score(instance, weighed[place].Role, fit.CachedTokens, null) with { Cost = weighed[place].Cost };
        Start(work, instance, work.Bound.Rule, weighed, fit, effects);
        return true;
    }

    /// <summary>Places anew who waits for an instance that does not serve them any more.</summary>
    private void Disappoint(Instance instance, List<PoolEffect> effects)
    {
        while (instance.Claims.All.FirstOrDefault(work => !instance.Serves(work.Request.Model)) is { } work)
            PlaceAnew(work, effects);
    }

    private void PlaceAnew(InFlight work, List<PoolEffect> effects)
    {
        _held.GiveUpClaim(work);
        if (!TryPlace(work, out CandidateScore[] weighed, effects) && NowhereToGo(work) is { } refusal)
            Refuse(work, refusal, weighed, effects);
    }

    /// <summary>In the order of the queue, whatever the operator changes: who waits longer is never refused later.</summary>
    private TimeSpan Deadline(InFlight held) => held.HeldSince + _options.MaxHoldTime;

    /// <summary>Whether an instance is free for all but this request, which found it out of reach before.</summary>
    private bool StandsAside(InFlight held)
    {
        if (held.Failed is not { } failed)
            return false;
        PlacementQuery query = QueryFor(held, null);
        foreach (Instance instance in failed)
            if (query.Saturation(instance) is null && Array.IndexOf(query.Ready.Instances, instance) >= 0)
                return true;
        return false;
    }

    /// <summary>Wakes for whoever waits for the instance: when it is ready for the next prompt, or the most urgent is refused.</summary>
    private void WakeFor(Instance instance)
    {
        if (instance.Claims.First is not { } first)
            return;
        TimeSpan at = instance.FreeAt(_now);
        if (instance.BusyUntil > at)
            at = instance.BusyUntil;
        if (_options.RefuseLate && first.HasSlo && first.LatestStart >= _now && (at <= _now || first.LatestStart < at))
            at = first.LatestStart + TimeSpan.FromTicks(1);
        // Not put off: one that rings too soon costs less than its place in the order at each event.
        if (at > _now && (at < instance.WakesAt || instance.WakesAt <= _now))
            WakeFor(instance, at);
    }

    private void WakeFor(Instance instance, TimeSpan at)
    {
        _wakes.Remove(instance);
        instance.WakesAt = at;
        if (at < TimeSpan.MaxValue)
            _wakes.Add(instance);
    }

    /// <summary>One alarm at a time: for the next instance, the first hold that runs out, or the next first token that is late. It is never put off
    /// either.</summary>
    private void SetAlarm(List<PoolEffect> effects)
    {
        TimeSpan wanted = NextLate();
        if (_held.First is { } first)
        {
            TimeSpan deadline = Deadline(first.Value);
            if (_wakes.Min is { } next && next.WakesAt < deadline)
                deadline = next.WakesAt > _now ? next.WakesAt : _now;   // from when nobody waited
            wanted = deadline < wanted ? deadline : wanted;
        }
        if (wanted >= _alarm)
            return;
        _alarm = wanted;
        effects.Add(new WakeAt(wanted));
    }
}
