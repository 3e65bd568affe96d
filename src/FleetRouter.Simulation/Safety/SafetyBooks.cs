using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Simulation.Safety;

/// <summary>Looks over a pool's shoulder: keeps books of every request and instance from events and effects alone, and says what promise
/// the pool breaks.</summary>
internal sealed class SafetyBooks(PoolOptions options)
{
    /// <summary>Times a request moves, but for one off an instance that is emptied; and times an answer goes on elsewhere after a break.</summary>
    private const int MostMoves = 3, MostResumes = 16;

    private readonly Dictionary<string, Request> _open = new(StringComparer.Ordinal);
    private readonly HashSet<string> _over = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Instance> _instances = new(StringComparer.Ordinal);
    private TimeSpan? _alarm;
    private int _arrivals, _hedges;

    /// <summary>Requests that have no final answer.</summary>
    public IReadOnlyCollection<string> Open => _open.Keys;

    /// <summary>The first promise broken by the effects of one event, with the request or instance it is about; null if none is.</summary>
    public Breach? Check(PoolEvent happened, IReadOnlyList<PoolEffect> effects, PoolView view)
    {
        Note(happened);
        foreach (PoolEffect effect in effects)
            if (Note(effect, happened.At, view) is { } breach)
                return breach;
        return CheckHeld(happened.At) ?? CheckLedger(view);
    }

    private void Note(PoolEvent happened)
    {
        switch (happened)
        {
            case InstanceJoined e:
                _instances.TryAdd(e.Instance, new Instance(e.Instance));
                break;
            case InstanceProbed e when _instances.TryGetValue(e.Instance, out Instance? instance):
                instance.Models = e.Report.Models;
                break;
            case RequestArrived e:
                _arrivals++;
                _open.Add(e.Request.Id, new Request(e.Request));
                break;
            case AttemptFailed e when _open.TryGetValue(e.RequestId, out Request? request) && request.On is not null:
                request.Fails(e);
                break;
            case MigrationEnded e when _open.TryGetValue(e.RequestId, out Request? request) && request.GoesTo is not null:
                request.CarriedOver(e);
                break;
            case RequestProgressed e when _open.TryGetValue(e.RequestId, out Request? request) && request.On is not null:
                request.HasToken = true;
                request.LetsSecondGo();
                break;
            case HedgeEnded e when _open.TryGetValue(e.RequestId, out Request? request) && request.Second is not null:
                request.IsAskedOnce(e);
                break;
            case RequestEnded e when _open.Remove(e.RequestId, out Request? request):
                request.Leaves();
                _over.Add(e.RequestId);
                break;
            case AlarmRang:
                _alarm = null;
                break;
        }
    }

    private Breach? Note(PoolEffect effect, TimeSpan at, PoolView view)
    {
        switch (effect)
        {
            case InstanceChanged { To: InstanceState.Gone } e:
                if (_instances.Remove(e.Instance, out Instance? gone))
                    gone.State = InstanceState.Gone;
                return null;
            case InstanceChanged e:
                if (!_instances.TryGetValue(e.Instance, out Instance? changed))
                    return new Breach(e.Instance, "an unknown instance changes");
                changed.State = e.To;
                return null;
            case Dispatch e:
                return Answered(e.RequestId, out Request? sent) ?? Dispatched(e.RequestId, sent!, e.Instance);
            case Move e:
                return Moved(e);
            case Migrate e:
                return Migrated(e);
            case Hedge e:
                return AskedTwice(e);
            case Held e:
                if (Answered(e.RequestId, out Request? held) is { } wrong)
                    return wrong;
                (held!.HeldSince, held.IsAsking) = (at, false);
                return null;
            case Refuse e:
                if ((Answered(e.RequestId, out Request? refused) ?? Forsaken(e, refused!, at, view)) is { } mistake)
                    return mistake;
                _open.Remove(e.RequestId);
                _over.Add(e.RequestId);
                return e.Refusal is { Reason.Length: > 0, Message.Length: > 0 } ? null : new Breach(e.RequestId, "refused without a reason");
            case InstanceEjected e:
                return _instances.TryGetValue(e.Instance, out Instance? ejected) && ejected.State == InstanceState.Suspect
                    ? null : new Breach(e.Instance, "is ejected and not suspect");
            case InstanceEmptied e:
                return _instances.TryGetValue(e.Instance, out Instance? emptied) && emptied.State == e.State && emptied.Leases > 0
                    ? new Breach(e.Instance, $"is called empty and has {emptied.Leases} leases") : null;
            case ProbeNow e:
                return _instances.ContainsKey(e.Instance) ? null : new Breach(e.Instance, "a probe of an instance that is gone");
            case WakeAt e:
                _alarm = e.At;
                return e.At >= at ? null : new Breach("", $"an alarm for {e.At} in the past");
            default:
                return new Breach("", $"an effect these books do not know: {effect.GetType().Name}");
        }
    }

    /// <summary>Whether the request may be answered now: it is open, and asks or waits.</summary>
    private Breach? Answered(string id, out Request? request)
    {
        if (!_open.TryGetValue(id, out request))
            return new Breach(id, _over.Contains(id) ? "an effect for a request that is over" : "an effect for a request that never came");
        return request.On is null ? null : new Breach(id, "an answer to a request that is being served");
    }

    private Breach? Dispatched(string id, Request request, string name)
    {
        if (++request.Attempts > options.MaxAttempts)
            return new Breach(id, $"tried {request.Attempts} times, {options.MaxAttempts} at most");
        return Placed(id, request, name);
    }

    private Breach? Moved(Move move)
    {
        string id = move.RequestId;
        if (!_open.TryGetValue(id, out Request? request))
            return new Breach(id, "moved, though it is not open");
        if (!options.RebalanceQueued && !options.Migration && !IsToEmpty(request.On))
            return new Breach(id, "moved, though nothing may be");
        if (request.On is null || request.On.Id != move.From || move.From == move.To)
            return new Breach(id, $"moved from {move.From}, where it is not, to {move.To}");
        if (request.HasToken || request.GoesTo is not null || request.Second is not null)
            return new Breach(id, request.HasToken ? "moved after its first token" : "moved while it is on two instances");
        if (TooOften(id, request) is { } often)
            return often;
        request.Leaves();
        return Placed(id, request, move.To);
    }

    private bool IsToEmpty(Instance? instance) =>
        instance is { State: InstanceState.Draining } || (instance is { State: InstanceState.Gone } && !_instances.ContainsKey(instance.Id));

    private Breach? Migrated(Migrate migrate)
    {
        string id = migrate.RequestId;
        if (!_open.TryGetValue(id, out Request? request))
            return new Breach(id, "carried over, though it is not open");
        if (!options.Migration && !IsToEmpty(request.On))
            return new Breach(id, "carried over, though nothing may be");
        if (request.On is null || request.On.Id != migrate.From || migrate.From == migrate.To)
            return new Breach(id, $"carried over from {migrate.From}, where it is not, to {migrate.To}");
        if (!request.HasToken || !request.Asked.CanMove || request.GoesTo is not null)
            return new Breach(id, !request.HasToken ? "carried over before its first token" : request.Asked.CanMove ? "carried over twice at once" : "carried over, though it may not be");
        if (TooOften(id, request) is { } often)
            return often;
        if (Unfit(id, request, migrate.To) is { } unfit)
            return unfit;
        Instance target = _instances[migrate.To];
        if (!IsToEmpty(request.On) && request.On.Carried + target.Carried > 0)
            return new Breach(id, $"carried over beside others from {migrate.From} or to {migrate.To}, one at a time");
        request.BeginsAt(target);
        return Overfull(migrate.To, target);
    }

    private Breach? AskedTwice(Hedge hedge)
    {
        string id = hedge.RequestId;
        if (++_hedges > options.HedgeBudget * _arrivals)
            return new Breach(id, $"the {_hedges}th of {_arrivals} to be asked twice, a share of {options.HedgeBudget} at most");
        if (!_open.TryGetValue(id, out Request? request))
            return new Breach(id, "asked twice, though it is not open");
        if (request.On?.Id != hedge.From || hedge.From == hedge.To)
            return new Breach(id, $"asked of {hedge.To} beside {hedge.From}, where it is not");
        if (request.HasToken || request.Emitted > 0 || request.WasHedged || !request.Asked.CanHedge)
            return new Breach(id, request.WasHedged ? "asked twice a second time" : request.Asked.CanHedge ? "asked twice after its first token" : "asked twice, though it may not be");
        if (Unfit(id, request, hedge.To) is { } unfit)
            return unfit;
        request.IsAskedOf(_instances[hedge.To]);
        return Overfull(hedge.To, _instances[hedge.To]);
    }

    /// <summary>To relieve an instance a request moves a few times; off one that is emptied it must.</summary>
    private Breach? TooOften(string id, Request request) =>
        !IsToEmpty(request.On) && ++request.Moves > MostMoves ? new Breach(id, $"moved {request.Moves} times, {MostMoves} at most") : null;

    /// <summary>Half an answer is given up only if no instance came in time, or if it broke again and again: whether this one was without cause.</summary>
    private Breach? Forsaken(Refuse refuse, Request request, TimeSpan at, PoolView view)
    {
        if (request.Emitted == 0)
            return null;
        bool known = refuse.Refusal.Reason switch
        {
            "hold-expired" => request.HeldSince is { } since && since + options.MaxHoldTime <= at
                && !view.Instances.Any(seen => seen is { State: InstanceState.Ready, Leases: 0, ForeignRequests: 0 }
                    && _instances.TryGetValue(seen.Id, out Instance? idle) && !(idle.ShedUntil > at) && idle.Models.Contains(request.Model, StringComparer.Ordinal)),
            "hold-queue-full" => _open.Values.Count(other => other.HeldSince is not null) >= options.MaxHeld,
            "attempts-exhausted" or "engines-busy" => request.Attempts >= options.MaxAttempts || request.Resumes > MostResumes,
            _ => false,
        };
        return known ? null : new Breach(refuse.RequestId, $"refused ({refuse.Refusal.Reason}) behind {request.Emitted} tokens, though it could go on");
    }

    private Breach? Placed(string id, Request request, string name)
    {
        if (Unfit(id, request, name) is { } unfit)
            return unfit;
        request.Goes(_instances[name]);
        return Overfull(name, _instances[name]);
    }

    private Breach? Overfull(string name, Instance instance) => instance.Leases > options.MaxRequestsPerInstance
        ? new Breach(name, $"{instance.Leases} requests on one instance, {options.MaxRequestsPerInstance} at most") : null;

    private Breach? Unfit(string id, Request request, string name)
    {
        if (!_instances.TryGetValue(name, out Instance? instance))
            return new Breach(id, $"placed on {name}, which is gone");
        if (instance.State != InstanceState.Ready)
            return new Breach(id, $"placed on {name}, which is {instance.State}");
        return instance.Models.Contains(request.Model, StringComparer.Ordinal)
            ? null : new Breach(id, $"placed on {name}, which serves {string.Join(", ", instance.Models)} and not {request.Model}");
    }

    private Breach? CheckHeld(TimeSpan at)
    {
        int held = 0;
        TimeSpan first = TimeSpan.MaxValue;
        foreach ((string id, Request request) in _open)
        {
            if (request.IsAsking)
                return new Breach(id, "left without an answer");
            if (request.HeldSince is not { } since)
                continue;
            held++;
            TimeSpan deadline = since + options.MaxHoldTime;
            first = deadline < first ? deadline : first;
            if (deadline < at)
                return new Breach(id, $"held since {since}, {options.MaxHoldTime} at most");
        }
        if (held > options.MaxHeld)
            return new Breach("", $"{held} requests are held, {options.MaxHeld} at most");
        return held > 0 && !(_alarm <= first) ? new Breach("", $"requests are held until {first} and the alarm is at {_alarm}") : null;
    }

    private Breach? CheckLedger(PoolView view)
    {
        if (view.Sessions > options.MaxSessions)
            return new Breach("", $"{view.Sessions} sessions are remembered, {options.MaxSessions} at most");
        if (view.Instances.Count != _instances.Count)
            return new Breach("", $"{view.Instances.Count} instances are known, {_instances.Count} joined and did not leave");
        int held = _open.Values.Count(request => request.HeldSince is not null);
        if (view.Held != held)
            return new Breach("", $"the pool holds {view.Held} requests, {held} by these books");
        foreach (InstanceView instance in view.Instances)
            if (Faulty(instance, _instances[instance.Id]) is { } wrong)
                return new Breach(instance.Id, wrong);
        return null;
    }

    private static string? Faulty(InstanceView seen, Instance known)
    {
        if (seen.Leases != known.Leases)
            return $"the pool counts {seen.Leases} leases, {known.Leases} by these books";
        if (seen.State != known.State)
            return $"the pool has it {seen.State}, {known.State} by its effects";
        if (seen.PendingPrefillTokens < 0 || seen.DecodeTokens < 0 || seen.KvTokens < 0 || seen.ForeignRequests < 0 || seen.PrefixBlocks < 0)
            return $"a number of its ledger is negative: {seen}";
        if (seen.Leases == 0 && (seen.PendingPrefillTokens, seen.DecodeTokens, seen.KvTokens) != (0, 0, 0))
            return $"it has no lease, yet load: {seen}";
        // What runs stays, whatever an engine says of its cache meanwhile.
        if (seen.Leases == 0 && seen.PrefixBlocks > seen.PrefixCapacityBlocks)
            return $"its index holds {seen.PrefixBlocks} blocks, {seen.PrefixCapacityBlocks} at most";
        return double.IsFinite(seen.PrefillTokensPerSecond) && seen.PrefillTokensPerSecond > 0 ? null : $"its prefill rate is {seen.PrefillTokensPerSecond}";
    }

    private sealed class Request(PlacementRequest asked)
    {
        public readonly PlacementRequest Asked = asked;
        public bool IsAsking = true, HasToken, WasHedged;
        public TimeSpan? HeldSince;
        public Instance? On, GoesTo, Second;
        public int Attempts, Moves, Emitted, Resumes;

        public string Model => Asked.Model;

        public void Goes(Instance instance)
        {
            (IsAsking, HasToken, HeldSince, On) = (false, false, null, instance);
            instance.Leases++;
        }

        public void Fails(AttemptFailed failed)
        {
            if (failed.Failure == AttemptFailure.EngineBusy)
                On!.ShedUntil = failed.At + TimeSpan.FromSeconds(1);
            if (failed.EmittedTokens > Emitted)
                (Attempts, Resumes, Emitted) = (0, Resumes + 1, failed.EmittedTokens);
            Leaves();
        }

        public void BeginsAt(Instance target)
        {
            GoesTo = target;
            target.Leases++;
            (On!.Carried, target.Carried) = (On.Carried + 1, target.Carried + 1);
        }

        public void CarriedOver(MigrationEnded ended)
        {
            Instance target = GoesTo!, source = On!;
            StaysHere();
            if (ended.Failure is not null)
                return;
            source.Leases--;
            target.Leases++;
            (On, Emitted) = (target, Math.Max(Emitted, ended.EmittedTokens));
        }

        public void IsAskedOf(Instance second)
        {
            (Second, WasHedged) = (second, true);
            second.Leases++;
        }

        public void LetsSecondGo()
        {
            if (Second is not null)
                Second.Leases--;
            Second = null;
        }

        public void IsAskedOnce(HedgeEnded ended)
        {
            if (ended.Failure == AttemptFailure.EngineBusy)
                (ended.End == HedgeEnd.FirstFailed ? On! : Second!).ShedUntil = ended.At + TimeSpan.FromSeconds(1);
            if (ended.End != HedgeEnd.SecondFailed)
                (On, Second) = (Second, On);
            LetsSecondGo();
        }

        private void StaysHere()
        {
            if (GoesTo is null)
                return;
            GoesTo.Leases--;
            (On!.Carried, GoesTo.Carried, GoesTo) = (On.Carried - 1, GoesTo.Carried - 1, null);
        }

        public void Leaves()
        {
            StaysHere();
            LetsSecondGo();
            if (On is not null)
                On.Leases--;
            (IsAsking, HeldSince, On) = (true, null, null);
        }
    }

    /// <summary>One instance from its joining to its leaving; under the same name later it is another.</summary>
    private sealed class Instance(string id)
    {
        public string Id => id;
        public InstanceState State = InstanceState.Joined;
        public IReadOnlyList<string> Models = [];
        public TimeSpan? ShedUntil;
        public int Leases, Carried;
    }
}

/// <summary>A broken promise.</summary>
/// <param name="About">The request or instance it is about; empty for the pool.</param>
/// <param name="What">What is wrong.</param>
internal sealed record Breach(string About, string What);
