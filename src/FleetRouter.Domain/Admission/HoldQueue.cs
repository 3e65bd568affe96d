using FleetRouter.Domain.Fleet;

namespace FleetRouter.Domain.Admission;

/// <summary>Requests that wait in the router for an instance, first come first served, bounded in number and time.</summary>
internal sealed class HoldQueue
{
    /// <summary>A longer gap between two ends tells of a quiet fleet, not of a slow one.</summary>
    private const double LongestTellingGap = 60;

    private readonly LinkedList<InFlight> _waiting = new();
    private readonly Dictionary<string, int> _byModel = new(StringComparer.Ordinal);
    private TimeSpan? _lastEnd;
    private double _secondsBetweenEnds = 1;

    public int Count => _waiting.Count;

    public LinkedListNode<InFlight>? First => _waiting.First;

    /// <summary>How many models the waiting requests ask for.</summary>
    public int Models => _byModel.Count;

    public bool HoldsModel(string model) => _byModel.ContainsKey(model);

    public void Add(InFlight work, TimeSpan now)
    {
        work.HeldSince = now;
        _byModel[work.Request.Model] = _byModel.GetValueOrDefault(work.Request.Model) + 1;
        work.HoldPlace = _waiting.AddLast(work);
    }

    public void Remove(InFlight work, TimeSpan now)
    {
        if (work.HoldPlace is not { } place)
            return;
        _waiting.Remove(place);
        work.HoldPlace = null;
        work.HeldFor += now - work.HeldSince;
        if (--System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(_byModel, work.Request.Model) == 0)
            _byModel.Remove(work.Request.Model);
    }

    /// <summary>Counts the end of a lease, the pace at which places come free.</summary>
    public void PlaceFreed(TimeSpan now)
    {
        if (_lastEnd is { } last)
            _secondsBetweenEnds += 0.05 * (Math.Min((now - last).TotalSeconds, LongestTellingGap) - _secondsBetweenEnds);
        _lastEnd = now;
    }

    /// <summary>When a newcomer could expect a place: those before it at the pace places come free. Whole seconds, 1 to 60.</summary>
    public TimeSpan RetryAfter() => TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling((Count + 1) * _secondsBetweenEnds), 1, 60));
}
