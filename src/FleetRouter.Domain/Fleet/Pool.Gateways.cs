using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Fleet;

/// <summary>What gateways have in flight, where one pool serves several: a gateway whose pool did not answer in time placed a request itself, and a
/// pool that begins anew is told what its gateways have.</summary>
public sealed partial class Pool
{
    /// <summary>The requests of <paramref name="ids"/> that the pool does not know.</summary>
    public IReadOnlyList<string> Unknown(IEnumerable<string> ids) => [.. ids.Where(id => !_inFlight.ContainsKey(id))];

    /// <summary>What the pool has under way, by its own count at each instance: not added up from its requests.</summary>
    public PoolLoad Load()
    {
        var requests = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (Instance instance in _roster.All)
            Add(instance);
        foreach (Instance instance in _roster.Emptying)
            if (instance.State == InstanceState.Gone)
                Add(instance);
        return new PoolLoad(_held.Count, requests);

        void Add(Instance instance)
        {
            if (instance.Requests != 0)
                requests[instance.Id] = requests.GetValueOrDefault(instance.Id) + instance.Requests;
        }
    }

    /// <summary>What a gateway has to know to place requests itself for a while (<see cref="FallbackPool"/>).</summary>
    public PoolSnapshot Snapshot() => new(Served,
        [.. _roster.All.Where(i => i.State == InstanceState.Ready).Select(i => new InstanceSnapshot(
            i.Id, i.Models, i.AllRequests, i.Backlog(_estimates), i.PrefillRate, new Patience(FirstTokenAfter(i), i.Stall.At(_now))))],
        _estimates.BytesPerToken);

    private void Adopt(RequestAdopted e, List<PoolEffect> effects)
    {
        if (_inFlight.TryGetValue(e.Request.Id, out InFlight? known))
        {
            if (e.IfUnknown || known.Instance?.Id == e.Instance || known.Successor?.Instance!.Id == e.Instance || known.Second?.Instance!.Id == e.Instance)
                return;
            Forget(known, effects);
        }
        Instance instance = _roster.Find(e.Instance) ?? _roster.Departed(e.Instance, _now, _options, _peers);
        var work = new InFlight(e.Request, _now)
        {
            Order = ++_arrivals,
            PromptTokens = _estimates.PromptTokens(e.Request) + e.EmittedTokens,
            Emitted = e.EmittedTokens,
            Attempt = e.Attempt,
            Key = KeyOf(e.Request),
        };
        _inFlight.Add(e.Request.Id, work);
        BelieveHome(e.Request);
        HomeOf(work);
        Lease(work, instance, QueryFor(work, null).CachedTokens(instance), _now - e.RunningFor);
        if (e.OutputTokens == 0)
            return;
        instance.Line.Drop(work);   // when its first token came nobody can tell
        work.Progress(e.OutputTokens);
    }

    private void Remember(PlacementRemembered e)
    {
        if (_roster.Find(e.Instance) is not { } instance)
            return;
        var work = new InFlight(e.Request, _now) { Key = KeyOf(e.Request) };
        instance.Prefixes.Touch(e.Request.Prompt.Hashes, _now);
        HomeOf(work);
        _homes.Settle(work, instance.Id, _now, _options.SessionIdleTime, _options.MaxSessions);
    }

    /// <summary>A gateway has these requests and no others.</summary>
    private void Settle(GatewayHas e, List<PoolEffect> effects)
    {
        var has = e.Requests.ToHashSet(StringComparer.Ordinal);
        foreach (InFlight gone in _inFlight.Values.Where(w => w.Request.Gateway == e.Gateway && !has.Contains(w.Request.Id)).OrderBy(w => w.Order).ToList())
            Forget(gone, effects);
        ReleaseHeld(effects);
    }

    /// <summary>The request is not where it was believed to be, or is no more.</summary>
    private void Forget(InFlight work, List<PoolEffect> effects)
    {
        Instance? freed = work.Instance ?? work.Claim, successor = work.Successor?.Instance, second = work.Second?.Instance;
        _inFlight.Remove(work.Request.Id);
        _held.Remove(work, _now);
        work.EndLease(_now);
        foreach (Instance? instance in new[] { freed, successor, second })
            if (instance is not null)
                Offer(instance, effects);
    }
}

/// <summary>What a pool has under way at a moment.</summary>
/// <param name="Held">Requests that wait.</param>
/// <param name="Requests">Requests at each instance that has any, also at one that discovery no longer names. One that is carried over, or asked
/// twice, is at two.</param>
public sealed record PoolLoad(int Held, IReadOnlyDictionary<string, int> Requests);
