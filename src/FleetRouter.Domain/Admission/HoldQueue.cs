using FleetRouter.Domain.Fleet;
using FleetRouter.Domain.Placement;

namespace FleetRouter.Domain.Admission;

/// <summary>Requests that wait in the router for an instance, first come first served, bounded in number and time.</summary>
internal sealed class HoldQueue
{
    /// <summary>A longer gap between two ends tells of a quiet fleet, not of a slow one.</summary>
    private const double LongestTellingGap = 60;

    private const int LongestRetryAfter = 59;

    private readonly LinkedList<InFlight> _waiting = new();
    private readonly Dictionary<string, int> _byModel = new(StringComparer.Ordinal);
    private TimeSpan? _lastEnd;
    private TimeSpan _refusingSince, _toldUntil;   // if nobody is refused until whoever was refused last comes again, the refusing has ended
    private double _secondsBetweenEnds = 1;

    public int Count => _waiting.Count;

    public LinkedListNode<InFlight>? First => _waiting.First;

    /// <summary>How many models those ask for who wait for any instance, without a claim on one.</summary>
    public int Models => _byModel.Count;

    /// <summary>Whether somebody waits for any instance that serves the model.</summary>
    public bool HoldsModel(string model) => _byModel.ContainsKey(model);

    /// <summary>Those of high priority among them.</summary>
    public int HighWithoutClaim { get; private set; }

    public void Add(InFlight work, TimeSpan now)
    {
        work.HeldSince = now;
        work.HoldPlace = _waiting.AddLast(work);
        CountForModel(work, 1);
    }

    /// <summary>One that waits here waits for one instance from now on: in nobody's way but there.</summary>
    public void Claim(InFlight work, in Choice choice, in Fit fit)
    {
        work.ClaimOn(choice, fit);
        CountForModel(work, -1);
    }

    /// <summary>It waits for any instance again.</summary>
    public void GiveUpClaim(InFlight work)
    {
        if (work.Claim is null)
            return;
        work.GiveUpClaim();
        CountForModel(work, 1);
    }

    public void Remove(InFlight work, TimeSpan now)
    {
        if (work.HoldPlace is not { } place)
            return;
        GiveUpClaim(work);
        CountForModel(work, -1);
        _waiting.Remove(place);
        work.HoldPlace = null;
        work.HeldFor += now - work.HeldSince;
    }

    private void CountForModel(InFlight work, int more)
    {
        HighWithoutClaim += work.Request.Priority > 0 ? more : 0;
        int count = _byModel.GetValueOrDefault(work.Request.Model) + more;
        if (count == 0)
            _byModel.Remove(work.Request.Model);
        else
            _byModel[work.Request.Model] = count;
    }

    /// <summary>Counts the end of a lease, the pace at which places come free.</summary>
    public void PlaceFreed(TimeSpan now)
    {
        if (_lastEnd is { } last)
            _secondsBetweenEnds += 0.05 * (Math.Min((now - last).TotalSeconds, LongestTellingGap) - _secondsBetweenEnds);
        _lastEnd = now;
    }

    /// <summary>Somebody is refused: when it is worth asking again, after the line at the pace places come free, or after as long again as the refusing has lasted, whichever
    /// is later. Whole seconds, 1 to 59.</summary>
    /// <remarks>How long an overload goes on nobody can tell but by how long it has: whoever is refused at its beginning may come back
    /// soon, later ones come back over twice the time in which they were refused, not all at once. A minute or more many
    /// clients take for a mistake (OpenAI's for Node, version 6), and ask again within seconds.</remarks>
    public TimeSpan Refused(TimeSpan now)
    {
        if (now > _toldUntil)
            _refusingSince = now;
        double seconds = Math.Max((Count + 1) * _secondsBetweenEnds, (now - _refusingSince).TotalSeconds);
        var after = TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling(seconds), 1, LongestRetryAfter));
        _toldUntil = now + after;
        return after;
    }
}
