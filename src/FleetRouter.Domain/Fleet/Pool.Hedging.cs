using FleetRouter.Domain.Health;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Fleet;

/// <summary>Requests whose first token is late, asked of a second instance too: the first of the two to have one answers.</summary>
/// <remarks>Hedged requests with a wait and a budget after Dean and Barroso, The Tail at Scale (CACM 56(2), 2013): the second is sent when the
/// first has waited longer than 95 of 100 do, so that few are sent and most of those are worth it. How much longer the first will take nobody
/// knows; waits for first tokens have long tails, so it is expected to take as long again as it is late against the median.</remarks>
public sealed partial class Pool
{
    /// <summary>Share of the requests that have their first token before they are worth asking twice.</summary>
    private const double UsualShare = 0.95;

    /// <summary>Second attempts that may be saved up: as many requests as wait on an instance that falls silent, within reason.</summary>
    private const double MostHedges = 20;

    /// <summary>A request is not looked at again before that.</summary>
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(10);

    private readonly FirstTokenWaits _waits = new();
    private readonly SortedSet<(TimeSpan At, InFlight Work)> _late = new(Comparer<(TimeSpan At, InFlight Work)>.Create(
        (x, y) => x.At != y.At ? x.At.CompareTo(y.At) : x.Work.Order.CompareTo(y.Work.Order)));

    /// <summary>Second attempts that may be made now.</summary>
    private double _mayHedge;

    private void MayHedge() => _mayHedge = Math.Min(MostHedges, _mayHedge + _options.HedgeBudget);

    /// <summary>Notes when the request, just sent, is late.</summary>
    private void WatchFirstToken(InFlight work)
    {
        (work.ExpectedSeconds, work.LateAt) = (work.Instance!.Line.Seconds(_now), null);
        if (_options.HedgeBudget > 0 && work is { Emitted: 0, IsHedged: false, Request.CanHedge: true }
            && _waits.Within(UsualShare, work.ExpectedSeconds) is { } usual)
            LookAt(work, usual);
    }

    private void LookAt(InFlight work, double after)
    {
        TimeSpan at = TimeSpan.FromSeconds(after);
        work.LateAt = _now + (at > LeastPause ? at : LeastPause);
        _late.Add((work.LateAt.Value, work));
    }

    /// <summary>When the next request is late; the end of time if none is waited for.</summary>
    private TimeSpan NextLate()
    {
        while (_late.Count > 0)
        {
            (TimeSpan at, InFlight work) = _late.Min;
            if (work.LateAt == at && work is { Instance: not null, PrefillDone: false })
                return at > _now ? at : _now;
            _late.Remove((at, work));   // it has its first token, or was sent elsewhere
        }
        return TimeSpan.MaxValue;
    }

    private void HedgeLate(List<PoolEffect> effects)
    {
        while (NextLate() <= _now)
        {
            (TimeSpan at, InFlight work) = _late.Min;
            _late.Remove((at, work));
            work.LateAt = null;
            if (_options.HedgeBudget > 0)
                Hedge(work, effects);
        }
    }

    /// <summary>Asks a second instance if one is sooner than waiting on, or looks at the request again later.</summary>
    private void Hedge(InFlight work, List<PoolEffect> effects)
    {
        Instance from = work.Instance!;
        double waited = (_now - work.DispatchedAt).TotalSeconds;
        InFlight second = work.Onward();
        PlacementQuery query = QueryFor(second, null);
        if (_mayHedge < 1 || Soonest(query, from) is not { } to || _waits.Within(0.5, work.ExpectedSeconds) is not { } usual)
        {
            LookAt(work, waited);
            return;
        }
        double late = waited - usual;
        double there = _waits.Within(0.5, Expected(query, to))!.Value;
        if (there > late)
        {
            LookAt(work, (there - late) / 2);   // it is later then, and the line there shorter
            return;
        }
        _mayHedge--;
        (second.IsArriving, second.IsHedged, work.IsHedged) = (true, true, true);
        CandidateScore asked = query.Score(to, CandidateRole.Scored);
        var here = new CandidateScore(from.Id, CandidateRole.Late, work.PromptTokens - work.UncachedTokens, work.UncachedTokens,
            query.Backlog(from), from.AllRequests, TimeSpan.FromSeconds(late), null);
        Lease(second, to, asked.CachedTokens);
        to.Pace.Spend(second.PrefillWork / to.PrefillRate, _now);
        work.Second = second;
        effects.Add(new Hedge(work.Request.Id, from.Id, to.Id, Decide(second, PlacementRule.Hedged, to.Id, [here, asked], null)) { Patience = second.Patience });
    }

    /// <summary>Where the request would have its first token soonest, of the instances with room for which nobody waits; null if there is none.</summary>
    private Instance? Soonest(in PlacementQuery query, Instance from)
    {
        if (_held.HoldsModel(query.Work.Request.Model))
            return null;
        Instance? soonest = null;
        double least = double.PositiveInfinity;
        foreach (Instance instance in query.Ready.Instances)
            if (instance.Id != from.Id && instance.Claims.Count == 0 && query.Obstacle(instance) is null && query.Fit(instance).Obstacle is null
                && Expected(query, instance) is var expected && expected < least)
                (soonest, least) = (instance, expected);
        return soonest;
    }

    private static double Expected(in PlacementQuery query, Instance instance) => query.Ttft(instance, query.CachedTokens(instance)).TotalSeconds;

    /// <summary>The first attempt has its first token: the second is let go.</summary>
    private void LetSecondGo(InFlight work, List<PoolEffect> effects)
    {
        if (work.LetSecondGo() is not { Instance: { } freed } second)
            return;
        second.EndLease(_now);
        Offer(freed, effects);
    }

    /// <summary>One of two attempts is left.</summary>
    private void Hedged(HedgeEnded e, List<PoolEffect> effects)
    {
        if (!_inFlight.TryGetValue(e.RequestId, out InFlight? work) || work.LetSecondGo() is not { } second)
            return;
        (InFlight left, InFlight over) = e.End == HedgeEnd.SecondFailed ? (work, second) : (second, work);
        Instance freed = over.Instance!;
        over.EndLease(_now);
        if (left == second)
        {
            // It would have waited longer: to leave those out would make the next wait shorter, and so on.
            _waits.Saw((_now - work.DispatchedAt).TotalSeconds, work.ExpectedSeconds);
            _inFlight[e.RequestId] = second;
            _homes.Find(second, _now, _options.SessionIdleTime);
            _homes.Settle(second, second.Instance!.Id, _now, _options.SessionIdleTime, _options.MaxSessions);
        }
        if (e.Failure is { } failure)
        {
            left.Fruitless++;
            Blame(freed, over, left, failure, e.Reason ?? "", effects);
            Disappoint(freed, effects);
            if (left.Instance!.State == InstanceState.Draining)
                Empty(left.Instance, effects);
        }
        Offer(freed, effects);
        ReleaseHeld(effects);
    }
}
