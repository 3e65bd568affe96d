using FleetRouter.Domain.Admission;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Fleet;

/// <summary>Requests that wait in the router: for the first instance that has room, or for the one that suits them.</summary>
public sealed partial class Pool
{
    /// <summary>Requests looked at beyond the first whose instance has no room for it: bounds what an event costs.</summary>
    private const int MostPassed = 4;

    private void Hold(InFlight work, CandidateScore[] weighed, List<PoolEffect> effects)
    {
        if (NowhereToGo(work) is { } refusal)
            Refuse(work, refusal, weighed, effects);
        else if (_held.Count >= _options.MaxHeld)
            Refuse(work, Full(), weighed, effects);
        else
        {
            _held.Add(work, _now);
            effects.Add(new Held(work.Request.Id));
        }
    }

    private Refusal Full() => Busy("hold-queue-full", $"every instance is saturated and {_held.Count} requests wait already");

    /// <summary>Has a request wait for one instance, which is the right one but not yet.</summary>
    private bool TryClaim(InFlight work, Instance instance, double own, long tokens, List<PoolEffect> effects)
    {
        if (work.HoldPlace is null)
        {
            if (_held.Count >= _options.MaxHeld)
            {
                Refuse(work, Full(), [], effects);
                return true;
            }
            _held.Add(work, _now);
            effects.Add(new Held(work.Request.Id));
        }
        _held.Claim(work, instance, own, tokens);
        return true;
    }

    /// <summary>Sets when the prefill is to begin at the latest. A prompt that misses its SLO even on an idle instance has none to keep:
    /// it stands back behind those that do, but not for longer than half the time a request may be held.</summary>
    private void SetLatestStart(InFlight work, double own)
    {
        TimeSpan slo = _options.TtftSloOf(work.PromptTokens), slack = slo - TimeSpan.FromSeconds(own);
        work.HasSlo = slack > TimeSpan.Zero;
        work.LatestStart = work.ArrivedAt + (work.HasSlo ? slack : _options.MaxHoldTime / 2);
    }

    /// <summary>Whether the request's SLO is out of reach if its prefill begins in so many seconds.</summary>
    private bool IsTooLate(InFlight work, double wait) =>
        _options.RefuseLate && work.HasSlo && _now + TimeSpan.FromSeconds(wait) > work.LatestStart;

    private Refusal Late(InFlight work) => Busy("slo-out-of-reach",
        $"no instance could give a first token within the {_options.TtftSloOf(work.PromptTokens).TotalSeconds:0.#} s promised");

    /// <summary>Whether somebody more urgent waits for the instance whom the request may not pass.</summary>
    private bool IsBehind(InFlight work, Instance instance) =>
        instance.Claims.First is { } first && Claims.IsMoreUrgent(first, work) && !MayBePassed(first, instance);

    /// <summary>Whether shorter prompts may pass one that waits for room in the cache: in the first half of its slack, so that it is not
    /// passed for ever.</summary>
    private bool MayBePassed(InFlight first, Instance instance) =>
        instance.FreeAt(_now) <= _now && _now < first.ArrivedAt + (first.LatestStart - first.ArrivedAt) / 2;

    /// <summary>Binds held requests late: those without a claim first come first served for each model, those with one as their
    /// instance is ready for them. Refuses those whose time is up.</summary>
    private void ReleaseHeld(List<PoolEffect> effects)
    {
        ReleaseClaims(effects);
        List<string>? blocked = null;
        for (LinkedListNode<InFlight>? node = _held.First, next; node is not null; node = next)
        {
            next = node.Next;
            InFlight work = node.Value;
            CandidateScore[] weighed = [];
            if (Deadline(work) > _now && (blocked?.Count ?? 0) == _held.Models)
                return;   // the others came later, and wait for an instance or behind one who does not
            bool isBlocked = blocked?.Contains(work.Request.Model) == true || IsCrowded(work.Request.Model);
            if (work.Claim is null && !isBlocked && TryPlace(work, out weighed, effects) && work.Claim is null)
                continue;
            if (Deadline(work) <= _now)
                Refuse(work, NowhereToGo(work) ?? Busy("hold-expired", $"no instance came free within {_options.MaxHoldTime.TotalSeconds:0.###} s"), weighed, effects);
            else if (work.Claim is null && blocked?.Contains(work.Request.Model) != true && (isBlocked || !StandsAside(work)))
                (blocked ??= []).Add(work.Request.Model);
        }
    }

    /// <summary>Whether so many wait for an instance each that the fleet as a whole is short: then nobody overtakes, since those who ask
    /// for little would pass those who ask for much for ever.</summary>
    private bool IsCrowded(string model) => _held.ClaimsFor(model) is > 0 and var claims && claims >= _roster.Ready(model).Instances.Length;

    /// <summary>Places anew whom an instance is ready for, in order of urgency. A request may go elsewhere by now.</summary>
    private void ReleaseClaims(List<PoolEffect> effects)
    {
        if (_held.Count == 0)
            return;
        foreach (Instance instance in _roster.All)
            for (int passed = 0; passed < instance.Claims.Count && passed < MostPassed;)
            {
                InFlight work = instance.Claims.At(passed);
                if (!IsTooLate(work, 0) && instance.State == InstanceState.Ready && instance.FreeAt(_now) > _now)
                    break;
                PlaceAnew(work, effects);
                if (work.Claim != instance)
                    continue;
                if (!MayBePassed(work, instance))
                    break;
                passed++;
            }
        OfferRoom(effects);
    }

    /// <summary>Where an instance has room and nobody waits for it, the most urgent of those who wait for others may go there.</summary>
    private void OfferRoom(List<PoolEffect> effects)
    {
        List<Instance>? asked = null;
        for (int offers = 0; offers < MostPassed && _held.Count > 0; offers++)
        {
            bool room = false;
            Instance? crowded = null;
            foreach (Instance instance in _roster.All)
            {
                if (instance.Claims.First is not { } first)
                    room |= instance.State == InstanceState.Ready && instance.LineFreeAt(_now) <= _now && instance.BusyUntil <= _now;
                else if (asked?.Contains(instance) != true && (crowded is null || Claims.IsMoreUrgent(first, crowded.Claims.First!)))
                    crowded = instance;
            }
            if (!room || crowded?.Claims.First is not { } work)
                return;
            PlaceAnew(work, effects);
            if (work.Claim is not null)
                (asked ??= []).Add(crowded);
        }
    }

    /// <summary>Places anew who waits for an instance that is not ready any more.</summary>
    private void Disappoint(Instance instance, List<PoolEffect> effects)
    {
        while (instance.State != InstanceState.Ready && instance.Claims.First is { } work)
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
        ReadySet ready = _roster.Ready(held.Request.Model);
        var query = new PlacementQuery(held, ready, null, _now, _options, _estimates);
        foreach (Instance instance in failed)
            if (query.Saturation(instance) is null && Array.IndexOf(ready.Instances, instance) >= 0)
                return true;
        return false;
    }

    /// <summary>One alarm at a time: the first hold that runs out, the first busy engine that may be asked again, or the first
    /// instance that is ready for whom it is held for.</summary>
    private void SetAlarm(List<PoolEffect> effects)
    {
        if (_held.First is not { } first)
            return;
        TimeSpan wanted = Deadline(first.Value);
        foreach (Instance instance in _roster.All)
        {
            if (instance.BusyUntil > _now && instance.BusyUntil < wanted)
                wanted = instance.BusyUntil;
            if (instance.Claims.First is not { } claim)
                continue;
            TimeSpan free = instance.FreeAt(_now);
            if (free > _now && free < wanted)
                wanted = free;
            if (_options.RefuseLate && claim.HasSlo && claim.LatestStart >= _now && claim.LatestStart < wanted)
                wanted = claim.LatestStart + TimeSpan.FromTicks(1);
        }
        if (wanted == _alarm)
            return;
        _alarm = wanted;
        effects.Add(new WakeAt(wanted));
    }
}
